"""What the pages share: where data and models come from, jobs, cards and controls."""
