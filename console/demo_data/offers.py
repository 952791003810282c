"""What the shop and bank of the demo push: templates, notices to single customers, campaigns and broadcasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pushcore.channels import Platform
from pushcore.push.templates import TemplateDraft

SATURDAY, SUNDAY = 5, 6
WORKING_DAYS = range(5)
EVERY_DAY = range(7)

_SHOP = "https://shop.example"

TEMPLATES: Sequence[TemplateDraft] = (
    TemplateDraft(
        "order_shipped",
        "An order has left the warehouse",
        "Your order is on its way",
        "Hello #name#, order #order# has been handed to the carrier.",
        uri=f"{_SHOP}/orders/#order#",
    ),
    TemplateDraft(
        "delivery_today",
        "An order arrives today",
        "Your parcel arrives today",
        "Order #order# will be with you between #from# and #to#.",
        uri=f"{_SHOP}/orders/#order#/map",
    ),
    TemplateDraft(
        "card_payment",
        "A payment with the customer's card",
        "Card payment of #amount#",
        "#merchant#, card ending in #card#. Not you? Lock the card in the app.",
        uri="bank://cards/#card#",
        action=1,
    ),
    TemplateDraft(
        "statement_ready",
        "The monthly statement can be read",
        "Your statement is ready",
        "Hello #name#, your statement of #month# is in your mailbox.",
        uri="bank://statements",
        action=1,
    ),
    TemplateDraft(
        "basket_reminder",
        "Something was left in the basket",
        "Still thinking it over?",
        "#name#, your basket is waiting: #item# is nearly sold out.",
        uri=f"{_SHOP}/basket",
        style=1,
    ),
    TemplateDraft(
        "price_drop",
        "An article of the wish list costs less",
        "#item# is now #price#",
        "The price of an article on your wish list has dropped. Only while stocks last.",
        uri=f"{_SHOP}/wishes",
        style=2,
        image={"defaultUrl": f"{_SHOP}/images/wish-list.png"},
    ),
    TemplateDraft(
        "weekend_sale",
        "The sale at weekends, to everybody",
        "Weekend sale: #discount# on everything",
        "From Saturday morning to Sunday night, in all departments.",
        uri=f"{_SHOP}/sale",
        style=2,
        image={"defaultUrl": f"{_SHOP}/images/sale.png"},
    ),
    TemplateDraft(
        "new_version",
        "A new version of the app, to everybody",
        "Version #version# is here",
        "Faster search, and parcels on a map. Update in your app store.",
        uri=f"{_SHOP}/app",
    ),
    TemplateDraft(
        "daily_summary",
        "What a shop manager is told every morning",
        "Good morning, #name#",
        "#orders# new orders since yesterday, #returns# returns to look at.",
        uri=f"{_SHOP}/manager",
    ),
)

# What templates said before, the oldest first: title and body.
FORMER_TEXTS: Mapping[str, Sequence[tuple[str, str]]] = {
    "daily_summary": (
        ("Good morning", "There are #orders# new orders."),
        ("Good morning, #name#", "#orders# new orders since yesterday."),
    ),
    "price_drop": (("#item# costs less", "Now #price#. Only while stocks last."),),
}


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What a single customer is told when something happens.

    Attributes:
        name: The name of the push task.
        share: How often it occurs, in relation to the others.
        opened: The share of messages that are opened.
        template: Rendered with values for its placeholders; empty where `title` and `body` say it all.
        hours: The validity.
    """

    name: str
    share: int
    opened: float
    template: str = ""
    title: str = ""
    body: str = ""
    uri: str = ""
    hours: int = 24


NOTICES: Sequence[Notice] = (
    Notice(name="Order shipped", template="order_shipped", share=6, opened=0.42),
    Notice(name="Delivery today", template="delivery_today", share=4, opened=0.55, hours=12),
    Notice(name="Card payment", template="card_payment", share=9, opened=0.22),
    Notice(
        name="Payment received",
        title="Payment received",
        body="Thank you, your payment has arrived. The invoice is in your account.",
        uri=f"{_SHOP}/invoices",
        share=5,
        opened=0.2,
    ),
    Notice(
        name="New sign-in",
        title="New sign-in to your account",
        body="Somebody signed in on a new device. If it was not you, change your password now.",
        uri=f"{_SHOP}/security",
        share=3,
        opened=0.6,
        hours=2,
    ),
    Notice(
        name="Salary booked",
        title="Money has arrived",
        body="A payment was booked to your current account.",
        uri="bank://accounts",
        share=2,
        opened=0.5,
    ),
    Notice(
        name="Return accepted",
        title="We have your return",
        body="The money will be back within three days.",
        uri=f"{_SHOP}/returns",
        share=1,
        opened=0.3,
        hours=72,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """A template to many customers at once, each with values of their own.

    Attributes:
        name: The name of the push task.
        days: Days of the week, from 0 (Monday).
        at: Hour and minute.
        customers: To how many.
        opened: The share of messages that are opened.
        by_file: The targets come from a file.
        revoked_after: Minutes after which an operator revokes it; 0 for never.
    """

    name: str
    template: str
    days: Sequence[int]
    at: tuple[int, int]
    customers: int
    opened: float
    by_file: bool = False
    revoked_after: int = 0
    author: str = ""


CAMPAIGNS: Sequence[Campaign] = (
    Campaign(
        name="Basket reminder", template="basket_reminder", days=EVERY_DAY, at=(18, 30), customers=70, opened=0.12
    ),
    Campaign(
        name="Price drop on the wish list",
        template="price_drop",
        days=WORKING_DAYS,
        at=(11, 15),
        customers=55,
        opened=0.16,
        author="olga",
    ),
    Campaign(
        name="Monthly statement",
        template="statement_ready",
        days=(1,),
        at=(9, 0),
        customers=180,
        opened=0.38,
        by_file=True,
        author="olga",
    ),
    Campaign(
        name="Price drop (wrong price)",
        template="price_drop",
        days=(3,),
        at=(15, 10),
        customers=60,
        opened=0.1,
        revoked_after=4,
        author="olga",
    ),
)


@dataclass(frozen=True, kw_only=True)
class BroadcastOffer:
    """A template to every device of some platforms.

    Attributes:
        name: The name of the push task, one for each platform.
        day: The day of the week, from 0 (Monday).
        at: Hour and minute.
        opened: The share of devices on which it is opened.
    """

    name: str
    template: str
    values: Mapping[str, str]
    day: int
    at: tuple[int, int]
    opened: float
    platforms: Sequence[Platform] = (Platform.ANDROID, Platform.IOS, Platform.HARMONYOS)


BROADCASTS: Sequence[BroadcastOffer] = (
    BroadcastOffer(
        name="Weekend sale",
        template="weekend_sale",
        values={"discount": "20%"},
        day=SATURDAY,
        at=(9, 30),
        opened=0.14,
    ),
    BroadcastOffer(
        name="Version 6.0",
        template="new_version",
        values={"version": "6.0"},
        day=2,
        at=(17, 0),
        opened=0.08,
        platforms=(Platform.ANDROID, Platform.IOS),
    ),
)

ARTICLES = (
    ("Trail shoes", "€ 79"), ("Rain jacket", "€ 119"), ("Desk lamp", "€ 35"), ("Coffee grinder", "€ 49"),
    ("Headphones", "€ 89"), ("Backpack", "€ 65"), ("Kettle", "€ 29"), ("Yoga mat", "€ 25"),
)  # fmt: skip
MERCHANTS = ("City Grocers", "Northern Railways", "Cafe Aurora", "Filling station", "Cinema", "Pharmacy", "Bookshop")
