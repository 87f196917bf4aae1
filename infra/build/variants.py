"""Variants: a function that is either a zip or a container image, as a condition of the template says.

SAM accepts no condition as the package type, and Lambda cannot change that of a function: AWS CloudFormation user
guide, AWS::Lambda::Function, PackageType. So there are two resources, of which `Metadata: {VariantOf: function}` marks
the image, and a reference to the function becomes a choice between both.
"""

from typing import Any

Template = dict[str, Any]


def variants(template: Template) -> dict[str, str]:
    """Return the functions that have a variant, with the variant's logical id."""
    marked = {name: each.get("Metadata", {}).get("VariantOf") for name, each in template["Resources"].items()}
    return {function: variant for variant, function in marked.items() if function}


def with_choices(template: Template) -> Template:
    """Return the template in which every reference to a function with a variant names the one that exists."""
    for function, variant in variants(template).items():
        condition = template["Resources"][variant]["Condition"]
        template = {key: _chosen(part, function, variant, condition) for key, part in template.items()}
    return template


def _chosen(value: Any, function: str, variant: str, condition: str) -> Any:
    match value:
        case {"Ref": str(name)} if name == function:
            return {"Fn::If": [condition, {"Ref": variant}, value]}
        case {"Fn::GetAtt": [str(name), attribute]} if name == function:
            return {"Fn::If": [condition, {"Fn::GetAtt": [variant, attribute]}, value]}
        case dict():
            return {key: _chosen(each, function, variant, condition) for key, each in value.items()}
        case list():
            return [_chosen(each, function, variant, condition) for each in value]
        case str() if f"${{{function}}}" in value or f"${{{function}." in value:
            raise NotImplementedError(f"a text refers to {function}, which may not exist: use Ref or GetAtt")
    return value
