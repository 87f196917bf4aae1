"""Policy names: keeps the deployed logical id of each policy that a queue, a topic or a bucket can have once.

CloudFormation creates a renamed resource before it deletes the old one. Such a policy is an attribute of its queue or
topic, so the deletion would clear the new policy too; and a bucket refuses a second policy (CloudFormation template
reference: "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy", "AWS::S3::BucketPolicy").
"""

import json
from typing import Any

OWNERS = {"AWS::SQS::QueuePolicy": "Queues", "AWS::SNS::TopicPolicy": "Topics", "AWS::S3::BucketPolicy": "Bucket"}
"""By type: the property with the resources whose policy it is."""


def deployed(cloudformation: Any, stack: str) -> dict[str, Any]:
    """Return the stack's deployed template."""
    body = cloudformation.get_template(StackName=stack, TemplateStage="Original")["TemplateBody"]
    template: dict[str, Any] = json.loads(body) if isinstance(body, str) else body
    return template


def keep_names(template: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Return the template with each policy under the logical id that it has among the resources `before`."""
    resources = template["Resources"]
    names = {owner: name for name, each in before.items() if (owner := _owner(each)) and name not in resources}
    renamed = {name: names.get(_owner(each), name) for name, each in resources.items()}
    if all(name == new for name, new in renamed.items()):
        return template
    return template | {"Resources": {renamed[name]: _following(each, renamed) for name, each in resources.items()}}


def _owner(resource: dict[str, Any]) -> str:
    """Return what identifies the owner of a policy; nothing for another resource."""
    owner = OWNERS.get(resource["Type"])
    return json.dumps([resource["Type"], resource["Properties"][owner]], sort_keys=True) if owner else ""


def _following(resource: dict[str, Any], renamed: dict[str, str]) -> dict[str, Any]:
    """Return the resource with the new names in its `DependsOn`."""
    depends = resource.get("DependsOn")
    if depends is None:
        return resource
    return resource | {"DependsOn": [renamed[each] for each in ([depends] if isinstance(depends, str) else depends)]}
