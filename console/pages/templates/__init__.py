"""Message templates (source document, 6.5): the form of a new template or version, and what a template's page shows.

- `forms`: the form, which is that of a push without a template, and a name
- `explanations`: refusals in an operator's words
- `form_page`: create, duplicate and edit a template, with the preview of pushes
- `details`: versions and uses of a template, for its page
"""
