"""Event names: what other tools call the things that the e-commerce specification has one name for."""

from __future__ import annotations

from collections.abc import Mapping

CANONICAL: Mapping[str, str] = {
    # Google Analytics 4
    "purchase": "Order Completed",
    "refund": "Order Refunded",
    "add_to_cart": "Product Added",
    "remove_from_cart": "Product Removed",
    "view_cart": "Cart Viewed",
    "begin_checkout": "Checkout Started",
    "add_payment_info": "Payment Info Entered",
    "view_item": "Product Viewed",
    "view_item_list": "Product List Viewed",
    "select_item": "Product Clicked",
    "add_to_wishlist": "Product Added to Wishlist",
    "search": "Products Searched",
    "sign_up": "Signed Up",
    "login": "Signed In",
    # The commerce community's own words
    "Purchase": "Order Completed",
    "AddToCart": "Product Added",
    "BeginCheckout": "Checkout Started",
    "ProductView": "Product Viewed",
    "PageView": "Page Viewed",
    # PostHog
    "$pageview": "Page Viewed",
    "$screen": "Screen Viewed",
}

OF_KIND: Mapping[str, str] = {
    "identify": "Identified",
    "page": "Page Viewed",
    "screen": "Screen Viewed",
    "group": "Group Joined",
    "alias": "Aliased",
    "record": "Record Stated",
}
"""Names of events that state none of their own."""
