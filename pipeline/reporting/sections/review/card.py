"""Builds the section on the model card: what it is for, who is responsible, and where it is not to be used."""

from typing import Any

from pipeline.reporting import model_card
from pipeline.reporting.blocks import Block, Section, Table, Text
from pipeline.reporting.run_record import RunRecord

_TITLE = "Model card: what is it for?"


def build(record: RunRecord) -> Section:
    """Returns the section. The metrics of the card have sections of their own."""
    if not record.summary.get("metrics", {}).get("test"):
        return Section("card", _TITLE, [Text("The model was not evaluated in this run.", "note")])
    card = model_card.build(record)
    found: list[Block] = [Table(["model card", "value"], _details(card), "", 2)]
    features = [[column["key"], column["value"]] for column in card["model_parameters"].get("input_format_map", ())]
    if features:
        found.append(Table(["feature", "kind"], features, "Inputs", 2))
    missing = model_card.missing(card)
    if missing:
        names = ", ".join(f"card.{name}" for name in missing)
        found.append(
            Text(f"Nobody has written these parts yet: {names}. They are settings of the configuration.", "note")
        )
    found.append(Text(f"The whole card is in {record.folder.model_card.name} and model_card.json.", "note"))
    return Section("card", _TITLE, found)


def _details(card: dict[str, Any]) -> list[list[str]]:
    details, parameters, considerations = (
        card.get(part, {}) for part in ("model_details", "model_parameters", "considerations")
    )
    owners = [" ".join(filter(None, (owner["name"], owner.get("contact")))) for owner in details.get("owners", ())]
    risks = [
        ": ".join(filter(None, (risk["name"], risk.get("mitigation_strategy"))))
        for risk in considerations.get("ethical_considerations", ())
    ]
    sensitive = [data["sensitive"]["sensitive_data"] for data in parameters.get("data", ()) if "sensitive" in data][:1]
    texts = {
        "overview": [details["overview"]],
        "version": [details["version"]["name"]],
        "architecture": [parameters["model_architecture"]],
        model_card.HUMAN["owners"]: owners,
        "licence": [license["identifier"] for license in details.get("licenses", ())],
        "references": [reference["reference"] for reference in details.get("references", ())],
        "personal data": [", ".join(columns) for columns in sensitive],
        **{
            model_card.HUMAN[name]: [entry["description"] for entry in considerations.get(name, ())]
            for name in ("users", "use_cases", "limitations", "tradeoffs")
        },
        model_card.HUMAN["risks"]: risks,
    }
    return [[name.lower(), "; ".join(given)] for name, given in texts.items() if given]
