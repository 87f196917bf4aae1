"""What the template scanner finds and we leave as it is, and why. One that excuses nothing any more must go."""

from dataclasses import dataclass

FUNCTIONS = "AWS::Serverless::Function"


@dataclass(frozen=True)
class Accepted:
    """A check's finding, on these resources (logical ids) or, with none named, wherever it is found."""

    check: str
    why: str
    on: frozenset[str] = frozenset()

    def covers(self, check: str, resource: str) -> bool:
        return check == self.check and (not self.on or resource in self.on)


ACCEPTED = (
    Accepted(
        "CKV_AWS_115",
        "What reads a queue is bounded by its mapping, what is called from outside by the API's throttling. Reserved "
        "concurrency for each function would take a share of the account's from all others, used or not.",
    ),
    Accepted(
        "CKV_AWS_116",
        "Dead letters are kept where the work comes from: each queue, stream, rule, topic and schedule has a "
        "dead-letter queue (tests/template/test_queues.py). The function's own setting is for asynchronous calls only.",
    ),
    Accepted("CKV_AWS_117", "There is nothing in a private network to talk to, and a VPC would need NAT for Stripe."),
    Accepted(
        "CKV_AWS_173",
        "The environment holds names and addresses, no secrets (tests/template/test_functions.py), and is encrypted "
        "by Lambda's own key.",
    ),
    Accepted("CKV_AWS_27", "SQS encrypts every new queue with a key of its own unless a template forbids it."),
    Accepted(
        "CKV_AWS_26",
        "What is published names orders and nothing that says who bought; a customer managed key would have to admit "
        "EventBridge, CloudWatch and SQS as well.",
    ),
    Accepted("CKV_AWS_119", "DynamoDB encrypts with its own key; a customer managed one costs per table and per call."),
    Accepted(
        "CKV_AWS_28",
        "What is in them can be lost: connections, carts and marks expire by themselves, imports can be repeated, and "
        "the search index is made from the products.",
        frozenset({"ImportsTable", "ConnectionsTable", "CartsTable", "EffectsTable", "SearchTable"}),
    ),
    Accepted(
        "CKV_AWS_21",
        "Each can be made again: the storefront by a deployment, reports and invoices from the tables, imports from "
        "the file that was uploaded.",
        frozenset({"ImportsBucket", "DocumentsBucket", "ReportsBucket", "StorefrontBucket"}),
    ),
    Accepted(
        "CKV_AWS_18",
        "Nobody reaches the buckets but named roles, addresses signed for minutes, and the distribution. Access logs "
        "of a shop are personal data, and need a policy of their own.",
        frozenset({"ImportsBucket", "DocumentsBucket", "ReportsBucket", "StorefrontBucket"}),
    ),
    Accepted(
        "CKV_AWS_86",
        "Access logs hold addresses of visitors; the operator who needs them decides how long to keep them.",
    ),
    Accepted("CKV_AWS_76", "As for the distribution. What the API did is in its function's log, without addresses."),
    Accepted("CKV_AWS_95", "As for the distribution."),
    Accepted("CKV_AWS_120", "A cache in the gateway costs by the hour; CloudFront stands in front."),
    Accepted("CKV_AWS_174", "*.cloudfront.net has AWS's own settings; with DomainName the template asks for TLS 1.2."),
)
