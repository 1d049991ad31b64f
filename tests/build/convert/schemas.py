"""The formats as their tools document them.

- GLiNER: docs/training.md of urchade/GLiNER, "Dataset Format" and "Relation Extraction Dataset Format".
- doccano: backend/data_import/pipeline/label.py and datasets.py (JSONL with relations; intent detection and slot filling).
- Label Studio: "Label Studio JSON format of annotated tasks", tags Labels, Choices, TextArea and Relations.
- LLaMA-Factory: data/README.md, the description of dataset_info.json.
- axolotl: src/axolotl/utils/schemas/datasets.py, SFTDataset and UserDefinedPrompterType.
- OpenAI: the typed messages of the openai package; unknown keys are refused, as by the checks in OpenAI's cookbook ("Data
  preparation and analysis for chat model fine-tuning").
"""

from typing import Annotated, Literal

from openai.types.chat import ChatCompletionAssistantMessageParam, ChatCompletionUserMessageParam
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, model_validator

Text = Annotated[str, Field(min_length=1)]


class Gliner(BaseModel):
    tokenized_text: Annotated[list[Text], Field(min_length=1)]
    ner: list[tuple[NonNegativeInt, NonNegativeInt, Text]]
    relations: list[tuple[NonNegativeInt, NonNegativeInt, Text]] = []

    @model_validator(mode="after")
    def places_exist(self):
        assert all(start <= end < len(self.tokenized_text) for start, end, _ in self.ner)
        assert all(max(head, tail) < len(self.ner) for head, tail, _ in self.relations)
        return self


class DoccanoSpan(BaseModel):
    id: NonNegativeInt
    start_offset: NonNegativeInt
    end_offset: NonNegativeInt
    label: Text

    @model_validator(mode="after")
    def start_before_end(self):
        assert self.start_offset < self.end_offset
        return self


class DoccanoRelation(BaseModel):
    from_id: int
    to_id: int
    type: Text


class Doccano(BaseModel):
    text: Text
    cats: list[Text]
    entities: list[DoccanoSpan]
    relations: list[DoccanoRelation]

    @model_validator(mode="after")
    def ends_exist(self):
        ids = {span.id for span in self.entities}
        assert len(ids) == len(self.entities)
        assert all(span.end_offset <= len(self.text) for span in self.entities)
        assert all({relation.from_id, relation.to_id} <= ids for relation in self.relations)
        return self


class LabelsValue(BaseModel):
    start: NonNegativeInt
    end: NonNegativeInt
    text: Text
    labels: Annotated[list[Text], Field(min_length=1)]


class Region(BaseModel):
    id: Text
    from_name: Text
    to_name: Text
    type: Literal["labels"]
    value: LabelsValue


class Choice(BaseModel):
    from_name: Text
    to_name: Text
    type: Literal["choices", "textarea"]
    value: dict[Literal["choices", "text"], list[Text]]


class Relation(BaseModel):
    type: Literal["relation"]
    from_id: Text
    to_id: Text
    direction: Literal["left", "right", "bi"]
    labels: list[Text]


class Annotation(BaseModel):
    result: list[Annotated[Region | Choice | Relation, Field(discriminator="type")]]

    @model_validator(mode="after")
    def ends_exist(self):
        ids = {one.id for one in self.result if isinstance(one, Region)}
        assert all({one.from_id, one.to_id} <= ids for one in self.result if isinstance(one, Relation))
        return self


class Task(BaseModel):
    data: dict[str, str]
    annotations: list[Annotation]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class User(ChatCompletionUserMessageParam):
    __pydantic_config__ = ConfigDict(extra="forbid")


class Assistant(ChatCompletionAssistantMessageParam):
    __pydantic_config__ = ConfigDict(extra="forbid")


class OpenAI(Strict):
    messages: Annotated[list[Annotated[User | Assistant, Field(discriminator="role")]], Field(min_length=1)]

    @model_validator(mode="after")
    def ends_with_the_assistant(self):
        assert self.messages[-1]["role"] == "assistant" and self.messages[-1]["content"]
        return self


class AlpacaColumns(Strict):
    prompt: Text
    query: Text | None = None
    response: Text
    system: Text | None = None
    history: Text | None = None


class DatasetInfo(Strict):
    file_name: Text
    formatting: Literal["alpaca"]
    columns: AlpacaColumns


class UserDefinedPrompt(Strict):
    system_prompt: str | None = None
    system_format: str | None = None
    field_system: str | None = None
    field_instruction: Text
    field_input: str | None = None
    field_output: Text
    format: Text
    no_input_format: Text


class AxolotlDataset(Strict):
    path: Text
    ds_type: Literal["json"]
    split: Literal["train"]
    type: UserDefinedPrompt


class Axolotl(Strict):
    datasets: Annotated[list[AxolotlDataset], Field(min_length=1)]
    test_datasets: list[AxolotlDataset] | None = None
    train_on_inputs: bool
