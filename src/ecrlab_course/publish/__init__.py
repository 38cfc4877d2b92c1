"""What maintainers run: build, rules of form, the facilitator's page, the catalogue, the template."""
