"""Event names: one canonical name for what several vocabularies call differently, and what such an event should state.

The canonical names are Segment's (e-commerce v2, e-mail, B2B and mobile specifications). Google Analytics 4 names and
the camel-case names of the Stratum specification are matched exactly; anything else keeps its name.
"""

from __future__ import annotations

ALIASES: dict[str, str] = {
    # Google Analytics 4, recommended and automatic events.
    "add_payment_info": "Payment Info Entered",
    "add_to_cart": "Product Added",
    "add_to_wishlist": "Product Added to Wishlist",
    "app_remove": "Application Uninstalled",
    "app_update": "Application Updated",
    "begin_checkout": "Checkout Started",
    "first_open": "Application Installed",
    "login": "Signed In",
    "page_view": "Page Viewed",
    "purchase": "Order Completed",
    "refund": "Order Refunded",
    "remove_from_cart": "Product Removed",
    "screen_view": "Screen Viewed",
    "select_item": "Product Clicked",
    "select_promotion": "Promotion Clicked",
    "sign_up": "Signed Up",
    "view_cart": "Cart Viewed",
    "view_item": "Product Viewed",
    "view_item_list": "Product List Viewed",
    "view_promotion": "Promotion Viewed",
    "view_search_results": "Products Searched",
    # Stratum.
    "AddToCart": "Product Added",
    "BeginCheckout": "Checkout Started",
    "PageView": "Page Viewed",
    "ProductView": "Product Viewed",
    "Purchase": "Order Completed",
    # PostHog.
    "$pageview": "Page Viewed",
    "$screen": "Screen Viewed",
}
"""Name as sent to canonical name."""

CALL_NAMES: dict[str, str] = {
    "page": "Page Viewed",
    "screen": "Screen Viewed",
    "identify": "Identify",
    "group": "Group",
    "alias": "Alias",
    "record": "Record",
}
"""The name of calls that state none of their own."""

PROPERTY_IDENTIFIERS: dict[str, tuple[str, ...]] = {
    # What is sent to somebody, and what they answer to it.
    **dict.fromkeys(
        ("Email Delivered", "Email Opened", "Email Link Clicked", "Email Bounced", "Email Marked as Spam",
         "Email Subscribed", "Email Unsubscribed"),
        ("email",),
    ),
    **dict.fromkeys(("SMS Subscribed", "SMS Unsubscribed"), ("phone",)),
    **dict.fromkeys(
        ("Subscribed", "Unsubscribed", "Consent Granted", "Consent Denied", "Consent Revoked", "Consent Withdrawn",
         "Consent Updated"),
        ("email", "phone"),
    ),
    # Forms in which people state their own.
    **dict.fromkeys(("Signed Up", "Signed In", "Account Created", "Trial Started"), ("email", "phone")),
    **dict.fromkeys(
        ("Checkout Started", "Checkout Step Completed", "Payment Info Entered", "Order Completed", "Donation Completed"),
        ("email", "phone"),
    ),
}  # fmt: skip
"""The specifications' own events whose properties `email` and `phone` are the sender's. Elsewhere they may be a friend's, a
recipient's or a guest's, and identify nobody."""

REQUIRED: dict[str, tuple[str, ...]] = {
    "Products Searched": ("query",),
    "Product List Viewed": ("list_id", "products"),
    "Product Clicked": ("product_id", "name"),
    "Product Viewed": ("product_id", "name", "price"),
    "Product Added": ("product_id", "name", "price", "quantity"),
    "Product Removed": ("product_id", "quantity"),
    "Cart Viewed": ("products",),
    "Checkout Started": ("products", "value", "currency"),
    "Payment Info Entered": ("order_id",),
    "Order Updated": ("order_id", "products"),
    "Order Completed": ("order_id", "revenue", "currency", "products"),
    "Order Refunded": ("order_id", "total", "currency"),
    "Order Cancelled": ("order_id",),
    "Donation Completed": ("amount", "currency"),
    "Donation Refunded": ("amount", "currency"),
    "Payment Failed": ("amount", "currency"),
    "Payment Pending": ("amount", "currency"),
    "Pledge Made": ("amount", "currency"),
    "Ticket Purchased": ("amount", "currency"),
    "Ticket Refunded": ("amount", "currency"),
    "Promotion Viewed": ("promotion_id",),
    "Promotion Clicked": ("promotion_id",),
    "Coupon Applied": ("coupon_id",),
    "Page Viewed": ("url", "title"),
    "Screen Viewed": ("name",),
    "Email Opened": ("email_id",),
    "Email Link Clicked": ("email_id", "link_url"),
    "Application Installed": ("version", "build"),
    "Application Opened": ("version", "build"),
}
"""What an event of that name should state for its score (`emq`); leaving it out rejects nothing."""

EQUIVALENTS: dict[str, tuple[str, ...]] = {
    "revenue": ("total", "amount", "value"),
    "amount": ("revenue", "total", "value"),
    "total": ("revenue", "amount", "value"),
    "value": ("revenue", "total", "amount"),
    "url": ("path",),
    "title": ("name",),
    "email_id": ("campaign_id", "message_id"),
    "name": ("title",),
}
"""Properties that say what a required one says, under another name."""
