"""Base of all models: a Pydantic model whose validator is built on first use and not on import.

There are more than a hundred models, and one call uses a few of them: to build them all would be most of the API's
start-up.
"""

import pydantic


class BaseModel(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(defer_build=True)
