"""Fake CloudFormation: keeps stacks in memory and ends each operation at once. Other services are moto's."""

import boto3
from botocore.exceptions import ClientError


class FakeCloudFormation:
    """As far as a deployment calls it. It refuses what AWS refuses: updates of a stack that was never created, and the
    deletion of a protected one (user guide, "Understand CloudFormation stack status" and "Protect stacks")."""

    def __init__(self):
        self.stacks, self.created = {}, 0
        self.meta = self
        self.events = self

    def stack(self, name):
        """Return the stack with this name, or None."""
        return next((each for each in self.stacks.values() if name in (each["StackName"], each["StackId"])), None)

    def add(self, name, status, parameters=()):
        """Add a stack in this state and return it."""
        self.created += 1
        found = {
            "StackName": name,
            "StackId": f"arn:aws:cloudformation:eu-west-1:123456789012:stack/{name}/{self.created}",
            "StackStatus": status,
            "Parameters": list(parameters),
            "EnableTerminationProtection": False,
        }
        self.stacks[found["StackId"]] = found
        return found

    def describe_stacks(self, StackName):
        if not (found := self.stack(StackName)):
            raise refused(f"Stack with id {StackName} does not exist")
        return {"Stacks": [dict(found)]}

    def create_change_set(self, StackName, ChangeSetName, ChangeSetType, Parameters, **_):
        found = self.stack(StackName)
        if ChangeSetType == "CREATE":
            if found:
                raise refused(f"Stack [{StackName}] already exists")
            found = self.add(StackName, "REVIEW_IN_PROGRESS")
        elif not found or not found["StackStatus"].endswith("_COMPLETE") or found["StackStatus"] == "ROLLBACK_COMPLETE":
            raise refused(f"Stack:{StackName} is in {found and found['StackStatus']} state and can not be updated.")
        known = {each["ParameterKey"]: each for each in found["Parameters"]}
        found["wanted"] = [known.get(each["ParameterKey"], each) if "UsePreviousValue" in each else each
                           for each in Parameters]  # fmt: skip
        return {"Id": found["StackId"], "StackId": found["StackId"]}

    def execute_change_set(self, ChangeSetName, ClientRequestToken):
        found = self.stacks[ChangeSetName]
        is_new = found["StackStatus"] == "REVIEW_IN_PROGRESS"
        found |= {"Parameters": found.pop("wanted"), "StackStatus": f"{'CREATE' if is_new else 'UPDATE'}_COMPLETE"}

    def delete_stack(self, StackName, ClientRequestToken):
        found = self.stack(StackName)
        if found["EnableTerminationProtection"]:
            raise refused(f"Stack [{StackName}] cannot be deleted while TerminationProtection is enabled")
        del self.stacks[found["StackId"]]

    def update_termination_protection(self, StackName, EnableTerminationProtection):
        self.stack(StackName)["EnableTerminationProtection"] = EnableTerminationProtection

    def get_template(self, **_):
        return {"TemplateBody": {"Resources": {}}}

    def get_waiter(self, name):
        return self

    def wait(self, **_):
        """Each operation has ended already."""

    def get_paginator(self, operation):
        return Pages(operation)

    def register(self, *_):
        """No waiter looks, so nothing happens at each look."""

    unregister = register


class Pages:
    """Pages without any content."""

    KEYS = {"describe_change_set": "Changes", "list_stack_resources": "StackResourceSummaries"}

    def __init__(self, operation):
        self.key = self.KEYS.get(operation, "StackEvents")

    def paginate(self, **_):
        return [{self.key: []}]


class FakeSession:
    """A session in one region, whose clients of other services are real ones."""

    def __init__(self, region_name="eu-west-1"):
        self.region_name, self.cloudformation = region_name, FakeCloudFormation()

    def client(self, service, **options):
        if service == "cloudformation":
            return self.cloudformation
        return boto3.client(service, region_name=self.region_name, **options)


def refused(message):
    return ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "CloudFormation")
