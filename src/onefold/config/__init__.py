"""The project directory, read and checked: every error at once, each with its file, line and the nearest valid word."""

from onefold.config.project import Project, ProjectError, Source, read_project
from onefold.config.schema import schema_texts
from onefold.config.secret import SecretReference, environment_key, secret_text
from onefold.config.serving import Limits, Server, SignIn
from onefold.config.settings import StageSettings, settings
from onefold.config.stages import IdentityType, Stages
from onefold.config.template import TEMPLATES, Template, init, template_texts

__all__ = [
    "TEMPLATES",
    "IdentityType",
    "Limits",
    "Project",
    "ProjectError",
    "SecretReference",
    "Server",
    "SignIn",
    "Source",
    "StageSettings",
    "Stages",
    "Template",
    "environment_key",
    "init",
    "read_project",
    "schema_texts",
    "secret_text",
    "settings",
    "template_texts",
]
