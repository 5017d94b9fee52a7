"""Key performance indicators: each a record (``record.Kpi``) of a family, all measured in the same way (``kpis``)."""
