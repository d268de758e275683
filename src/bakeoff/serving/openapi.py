"""The description of the server for programs, in the form of OpenAPI 3.1. No torch."""

from importlib.metadata import version
from typing import Any

IMAGE = {"required": True, "content": {"image/*": {}, "application/octet-stream": {}}}
ERRORS = {
    "400": "No image, or an invalid option.",
    "401": "The token is missing or wrong.",
    "403": "A request from another site.",
    "408": "The image arrived too slowly.",
    "413": "Too many bytes or pixels.",
    "415": "Not an image.",
    "421": "Addressed to another host.",
    "422": "A damaged image.",
    "429": "Too many requests; Retry-After says when to try again.",
    "503": "The answer took too long to compute.",
}
PREDICTION: dict[str, Any] = {
    "label": {"type": "string", "description": "The most probable class."},
    "probability": {"type": "number", "minimum": 0, "maximum": 1, "description": "Of this class."},
    "probabilities": {
        "type": "object",
        "additionalProperties": {"type": "number"},
        "description": "Of all classes, the most probable first.",
    },
}
PICTURE = {"type": "string", "description": "A PNG as a data: address."}
NEIGHBOUR: dict[str, Any] = {
    "label": {"type": "string"},
    "similarity": {"type": "number", "description": "Cosine of the network's features."},
    "index": {"type": "integer", "description": "Position in the training split."},
    "picture": PICTURE,
}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


EXPLANATION = PREDICTION | {
    "explained": {"type": "string", "description": "The class that is explained."},
    "picture": PICTURE | {"description": "The image as the network sees it."},
    "maps": {"type": "object", "additionalProperties": PICTURE, "description": "By method: where the network looked."},
    "neighbours": {"type": "array", "items": {"$ref": "#/components/schemas/Neighbour"}},
}


def _operation(summary: str, schema: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {
        "summary": summary,
        "parameters": parameters,
        "requestBody": IMAGE,
        "responses": {"200": {"description": "The answer.", "content": content}}
        | {status: {"description": text, "content": error} for status, text in ERRORS.items()},
    }


def _query(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def description() -> dict[str, Any]:
    """Return the description."""
    options = [
        _query("method", "Where the network looked, by this method.", {"enum": ["gradcam", "gradients", "occlusion"]}),
        _query("class", "The class to explain; the predicted one unless given.", {"type": "string"}),
        _query("neighbours", "Nearest training images.", {"type": "integer", "minimum": 0, "maximum": 20}),
    ]
    schemas = {"Prediction": PREDICTION, "Explanation": EXPLANATION, "Neighbour": NEIGHBOUR}
    return {
        "openapi": "3.1.0",
        "info": {"title": "bakeoff serve", "version": version("bakeoff")},
        "paths": {
            "/predict": {"post": _operation("Classify an image.", "Prediction", [])},
            "/explain": {"post": _operation("Classify an image and explain why.", "Explanation", options)},
            "/model": {
                "get": {
                    "summary": "The model: its classes and the available explanations.",
                    "responses": {"200": {"description": "The model.", "content": {"application/json": {}}}},
                }
            },
        },
        "components": {
            "schemas": {name: _object(properties) for name, properties in schemas.items()}
            | {"Error": _object({"error": {"type": "string"}})},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }
