"""What all models have in common: a hint at a mistyped field, what each field means, both of Kala's spellings.

It knows no field, and does no I/O.
"""

from collections.abc import Collection
from functools import cache
from typing import TYPE_CHECKING, Any, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, ValidationError, model_validator

from kala_client._model.hints import Place, hinted
from kala_client._model.meanings import MEANINGS
from kala_client._model.wire_types import FirstFault


def either(*names: str) -> AliasChoices:
    """Read a field by any of these names."""
    return AliasChoices(*names)


def _describe(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Say of each field of a schema what it means."""
    meanings = MEANINGS.get(model.__name__, {})
    properties = schema.get("properties", {})
    for name in properties.keys() & meanings.keys():
        properties[name]["description"] = meanings[name]


class WireModel(FirstFault, BaseModel):
    """What goes over the wire; a field that it does not know is refused with a hint, unless it was read."""

    model_config = ConfigDict(
        extra="forbid",
        validate_by_name=True,
        validate_assignment=True,
        hide_input_in_errors=True,
        ser_json_timedelta="float",
        json_schema_extra=_describe,
    )

    if not TYPE_CHECKING:  # pragma: no branch

        def __init__(self, /, **fields: Any) -> None:
            try:
                super().__init__(**fields)
            except ValidationError as error:
                raise hinted(error, self._names_at) from None

        __init__.__pydantic_base_init__ = True  # so that pydantic-core need not call it for what is read

        def __setattr__(self, name: str, value: Any) -> None:
            try:
                super().__setattr__(name, value)
            except ValidationError as error:
                raise hinted(error, self._names_at) from None

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Say of each field what it means."""
        super().__pydantic_init_subclass__(**kwargs)
        meanings = MEANINGS.get(cls.__name__, {})
        for name, field in cls.model_fields.items():
            field.description = meanings.get(field.serialization_alias or name)

    @classmethod
    def _names_at(cls, where: Place) -> Collection[str]:
        """Return the fields that there are at a place within the model."""
        return () if where else cls.model_fields.keys()


class SpelledModel(WireModel):
    """What kala_server says in both of Kala's spellings: the one that was not read is no field that nobody knows."""

    @model_validator(mode="after")
    def _forget_the_other_spelling(self) -> Self:
        if extra := self.__pydantic_extra__:
            for name in _spellings(type(self)):
                extra.pop(name, None)
        return self


@cache
def _spellings(model: type[BaseModel]) -> frozenset[str]:
    aliases = (field.validation_alias for field in model.model_fields.values())
    return frozenset(
        name
        for alias in aliases
        if isinstance(alias, AliasChoices)
        for name in alias.choices
        if isinstance(name, str)
    )
