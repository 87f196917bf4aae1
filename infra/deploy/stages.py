"""Stage files: the values of one stage, read from `infra/stages/<stage>.yaml` and checked before anything else."""

import json
import os
import re
from pathlib import Path
from typing import Annotated, Any

import boto3
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from infra.build.template import ROOT

FOLDER = ROOT / "infra" / "stages"
REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")
SECRET = re.compile(r"\b(?:[sr]k_(?:test|live)|whsec)_\w+")


class StageFileInvalid(Exception):
    """The stage has no file, or its file has mistakes. `problems` holds a line for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class WrongRegion(Exception):
    """The environment names another region than the stage file."""


def _as_text(value: Any) -> Any:
    """Return a YAML scalar as CloudFormation's text. Lists, mappings and nothing stay, to be refused."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_as_text)]
Megabytes = Annotated[int, Field(ge=128, le=10240)]


class Costs(BaseModel):
    """Currency of cost estimates. AWS bills in US dollars; `per_dollar` converts them."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    per_dollar: Annotated[float, Field(gt=0)] = 1


class Stage(BaseModel):
    """The values of a stage. `memory` is in MB, by the logical id of a function."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    region: str
    parameters: dict[str, Text] = {}
    memory: dict[str, Megabytes] = {}
    tags: dict[str, Text] = {}
    costs: Costs = Costs()
    termination_protection: bool = False

    @field_validator("region")
    @classmethod
    def _exists(cls, region: str) -> str:
        if region not in boto3.Session().get_available_regions("lambda"):
            raise ValueError(f"{region} is not an AWS region")
        return region

    @property
    def stack_name(self) -> str:
        return f"storefront-{self.name}"

    def resized(self, template: dict[str, Any]) -> dict[str, Any]:
        """Return a copy of the template with the memory that the stage gives to functions."""
        copy = json.loads(json.dumps(template))
        for function, megabytes in self.memory.items():
            copy["Resources"][function]["Properties"]["MemorySize"] = megabytes
        return copy

    def session(self) -> boto3.Session:
        """Return a session in the stage's region. Raises WrongRegion."""
        for variable in REGION_VARIABLES:
            named = os.environ.get(variable)
            if named and named != self.region:
                raise WrongRegion(
                    f"{variable} is {named}, but the region of {_path(self.name)} is {self.region}: change one of them."
                )
        return boto3.Session(region_name=self.region)


def read(stage: str, folder: Path = FOLDER) -> Stage:
    """Return the stage's values. Raises StageFileInvalid."""
    path = folder / f"{stage}.yaml"
    if not path.exists():
        known = ", ".join(sorted(each.stem for each in folder.glob("*.yaml")))
        raise StageFileInvalid([f"There is no stage {stage}: {_path(stage)} does not exist. Stages: {known}."])
    text = path.read_text()
    if SECRET.search(text):
        raise StageFileInvalid([f"{_path(stage)} holds a secret key: remove it, and give it as STRIPE_SECRET_KEY."])
    try:
        content = yaml.safe_load(text) or {}
        return Stage.model_validate({**content, "name": stage})
    except yaml.YAMLError as error:
        raise StageFileInvalid([f"{_path(stage)} is not YAML: {' '.join(str(error).split())}"]) from None
    except TypeError:
        raise StageFileInvalid([f"{_path(stage)} holds no mapping."]) from None
    except ValidationError as error:
        raise StageFileInvalid([_line(stage, each) for each in error.errors()]) from None


def problems(values: dict[str, str], declared: dict[str, Any]) -> list[str]:
    """Return a line for each value that the template's parameters do not accept, as CloudFormation would."""
    unknown = [f"{name} is not a parameter of the template" for name in values if name not in declared]
    return unknown + [
        f"{name}: {reason}"
        for name, value in values.items()
        if name in declared and (reason := _refusal(value, declared[name]))
    ]


def _refusal(value: str, rule: dict[str, Any]) -> str | None:
    """Return why a parameter does not accept this value, without the value: it may be confidential."""
    of_type = _number_refusal(value, rule) if rule.get("Type") == "Number" else None
    return of_type or _text_refusal(value, rule)


def _number_refusal(value: str, rule: dict[str, Any]) -> str | None:
    if not re.fullmatch(r"-?\d+(\.\d+)?", value):
        return "is not a number"
    if float(rule.get("MinValue", value)) <= float(value) <= float(rule.get("MaxValue", value)):
        return None
    return f"is not between {rule.get('MinValue', '-∞')} and {rule.get('MaxValue', '∞')}"


def _text_refusal(value: str, rule: dict[str, Any]) -> str | None:
    if "AllowedValues" in rule and value not in [_as_text(each) for each in rule["AllowedValues"]]:
        return f"is none of {', '.join(str(_as_text(each)) or 'empty' for each in rule['AllowedValues'])}"
    if "AllowedPattern" in rule and not re.fullmatch(rule["AllowedPattern"], value):
        return rule.get("ConstraintDescription") or f"does not match {rule['AllowedPattern']}"
    if int(rule.get("MinLength", 0)) <= len(value) <= int(rule.get("MaxLength", len(value))):
        return None
    return f"is not {rule.get('MinLength', 0)} to {rule.get('MaxLength', '∞')} characters long"


def _line(stage: str, error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"])
    message = error["msg"].removeprefix("Value error, ")
    return f"{_path(stage)}: {place}: {message[:1].lower()}{message[1:]}"


def _path(stage: str) -> str:
    return f"infra/stages/{stage}.yaml"
