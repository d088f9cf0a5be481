"""Forms of the SEC and items of form 8-K, in words."""

from __future__ import annotations

FORMS = {
    "6-K": "report of a foreign issuer",
    "8-K": "current report",
    "10-K": "annual report",
    "10-Q": "quarterly report",
    "20-F": "annual report of a foreign issuer",
    "40-F": "annual report of a Canadian issuer",
    "NT 10-K": "notice of a late annual report",
    "NT 10-Q": "notice of a late quarterly report",
    "NT 20-F": "notice of a late annual report of a foreign issuer",
}

ITEMS = {
    "1.01": "Entry into a Material Definitive Agreement",
    "1.02": "Termination of a Material Definitive Agreement",
    "1.03": "Bankruptcy or Receivership",
    "1.04": "Mine Safety, Reporting of Shutdowns and Patterns of Violations",
    "1.05": "Material Cybersecurity Incidents",
    "2.01": "Completion of Acquisition or Disposition of Assets",
    "2.02": "Results of Operations and Financial Condition",
    "2.03": "Creation of a Direct Financial Obligation or an Obligation under an Off-Balance Sheet Arrangement",
    "2.04": "Triggering Events That Accelerate or Increase a Direct Financial Obligation",
    "2.05": "Costs Associated with Exit or Disposal Activities",
    "2.06": "Material Impairments",
    "3.01": "Notice of Delisting or Failure to Satisfy a Continued Listing Rule or Standard; Transfer of Listing",
    "3.02": "Unregistered Sales of Equity Securities",
    "3.03": "Material Modification to Rights of Security Holders",
    "4.01": "Changes in Registrant's Certifying Accountant",
    "4.02": "Non-Reliance on Previously Issued Financial Statements or a Related Audit Report",
    "5.01": "Changes in Control of Registrant",
    "5.02": "Departure of Directors or Certain Officers; Election of Directors; Appointment of Certain Officers",
    "5.03": "Amendments to Articles of Incorporation or Bylaws; Change in Fiscal Year",
    "5.04": "Temporary Suspension of Trading under Registrant's Employee Benefit Plans",
    "5.05": "Amendments to the Registrant's Code of Ethics, or Waiver of a Provision of the Code of Ethics",
    "5.06": "Change in Shell Company Status",
    "5.07": "Submission of Matters to a Vote of Security Holders",
    "5.08": "Shareholder Director Nominations",
    "6.01": "ABS Informational and Computational Material",
    "6.02": "Change of Servicer or Trustee",
    "6.03": "Change in Credit Enhancement or Other External Support",
    "6.04": "Failure to Make a Required Distribution",
    "6.05": "Securities Act Updating Disclosure",
    "7.01": "Regulation FD Disclosure",
    "8.01": "Other Events",
    "9.01": "Financial Statements and Exhibits",
}


def form_in_words(form: str) -> str:
    """What a form is; empty for one that is not known here."""
    base = form.removesuffix("/A")
    words = FORMS.get(base, "")
    return f"amended {words}" if words and base != form else words


def item_in_words(number: str, given: str = "") -> str:
    """`4.02 Non-Reliance on ...`; `given` are the SEC's own words, for a number that is not known here."""
    words = ITEMS.get(number) or given
    return f"{number} {words}".strip()
