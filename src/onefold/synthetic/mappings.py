"""A mapping for each invented system's file, as a user would write it."""

from __future__ import annotations

TEXT: dict[str, str] = {
    "donors": """\
# The donor CRM's constituents. A changed row is a new statement as of its last change.
type: record
timezone: America/Chicago
timestamp: {column: Date Last Changed, formats: ["%m/%d/%Y"]}
identifiers:
  crm_id: Constituent ID
  email: E-Mail
  phone: "Phone #1"
traits:
  first_name: First Name
  last_name: Last/Org Name
  email: E-Mail
  phone: "Phone #1"
  street: Addr Line 1
  city: City
  state: State
  postal_code: ZIP
  birthday: {column: Birth Date, as: date, formats: ["%m/%d/%Y"]}
consent:
  email: {column: "Email OptIn?", granted: [Y, yes, 1]}
""",
    "gifts": """\
# Gifts of the donor CRM. A gift never changes, so its own id tells it from others.
type: track
event: Donation Completed
id: Gift ID
timezone: America/Chicago
timestamp: {column: Gift Date, formats: ["%m/%d/%Y"]}
identifiers:
  crm_id: Constituent ID
properties:
  donation_id: Gift ID
  amount: {column: Gift Amt, as: decimal}
  currency: {value: USD}
  fund: Fund
  gift_type: Gift Type
""",
    "subscribers": """\
# The newspaper's subscribers.
type: record
identifiers:
  subscriber_id: account_no
  email: EMAIL_ADDRESS
  phone: day_phone
traits:
  name: subscriber_name
  email: EMAIL_ADDRESS
  phone: day_phone
  delivery_address: delivery_address
  postal_code: zip
  subscription_plan: plan
  subscription_start: {column: start_date, as: date}
  subscription_status: status
""",
    "tickets": """\
# The box office: one line a ticket. Guests often carry the buyer's address, so it may link too much: a case for
# limits on how many tickets one address may stand for.
type: track
event: Ticket Purchased
id: id
timestamp: created
identifiers:
  ticket_id: id
  email: profile.email
  phone: profile.cell_phone
traits:
  first_name: profile.first_name
  last_name: profile.last_name
properties:
  order_id: order_id
  event_name: event.name
  price: {column: costs.gross.major_value, as: decimal}
  currency: costs.gross.currency
""",
    "newsletter": """\
# The newsletter's contacts, with what they agreed to.
type: record
timestamp: {column: LAST_CHANGED, formats: ["%Y-%m-%d %H:%M:%S"]}
identifiers:
  contact_id: Contact Id
  email: Email Address
traits:
  first_name: First Name
  email: Email Address
  newsletter_status: Status
consent:
  email: {column: Status, granted: [subscribed]}
""",
}
