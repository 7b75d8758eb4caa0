"""Exports of people systems: their header lines as they are, with invented people, and what each row states.

A row's statements are written as (event, identifiers, amount, consents); `record` is the event of a record.
"""

from typing import NamedTuple


class Export(NamedTuple):
    """A file, the system it is recognised as, and what it states."""

    system: str
    text: str
    states: list[tuple[str, set[str], str | None, dict[str, bool]]]
    skipped: int = 0


EXPORTS = {
    "mailchimp": Export(
        "Mailchimp audience",
        "Email Address,First Name,Last Name,MEMBER_RATING,REGION,CC,LAST_CHANGED,LEID,EUID,UNSUB_TIME\n"
        "ann@one.test,Ann,A,2,oh,us,2024-06-19 12:00:01,1,a1,\n"
        "bo@two.test,Bo,B,2,oh,us,2024-06-20 12:00:01,2,b2,2024-06-20 12:00:01\n",
        [("record", {"email:ann@one.test"}, None, {}), ("record", {"email:bo@two.test"}, None, {"email": False})],
    ),
    "eventbrite attendees": Export(
        "Eventbrite attendees",
        "Order #,Order Date,First Name,Surname,Email,Attendee #,Ticket Type,Total Paid,Currency,Attendee Status\n"
        "1,11/29/24 22:28,Ann,A,ann@one.test,8,Seat,75.00,USD,Attending\n"
        "1,11/29/24 22:28,Bo,B,bo@two.test,9,Seat,75.00,USD,Not Attending\n"
        "2,11/30/24 22:28,Cy,C,cy@three.test,10,Seat,25.00,USD,Refunded\n",
        [
            ("Ticket Purchased", {"email:ann@one.test"}, "75.00", {}),
            ("Ticket Cancelled", {"email:bo@two.test"}, "75.00", {}),
            ("Ticket Refunded", {"email:cy@three.test"}, "25.00", {}),
        ],
    ),
    "eventbrite buyers": Export(
        "Eventbrite attendees and buyers",
        "Order ID,Order date,Attendee first name,Attendee email,Ticket price,Buyer First Name,Buyer Email\n"
        "7,2024-12-01 12:00:00,Zoe,zoe@one.test,$75.00,Mark,mark@two.test\n",
        [
            ("Ticket Purchased", {"email:zoe@one.test"}, "75.00", {}),
            ("record", {"email:mark@two.test"}, None, {}),
        ],
    ),
    "raiser's edge constituents": Export(
        "Raiser's Edge constituents",
        "CnBio_ID,CnBio_First_Name,CnBio_Last_Name,CnPh_1_01_Phone_type,CnPh_1_01_Phone_number,CnPh_1_01_Do_Not_Contact,"
        "CnPh_1_02_Phone_type,CnPh_1_02_Phone_number,CnPh_1_02_Do_Not_Contact\n"
        "0042,Edith,Crane,Home,(207) 555-0131,No,Email,edith@one.test,Yes\n"
        "0043,Luis,Ortega,E-mail,luis@two.test,No,Business Fax,(207) 555-0132,No\n",
        [
            (
                "record",
                {".constituent_id:0042", "phone:(207) 555-0131", "email:edith@one.test"},
                None,
                {"email": False},
            ),
            ("record", {".constituent_id:0043", "email:luis@two.test"}, None, {}),
        ],
    ),
    "raiser's edge gifts": Export(
        "Raiser's Edge gifts",
        'Gf_Gift_ID,Gf_CnBio_ID,Gf_Date,Gf_Amount,Gf_Type\n1,0042,4/17/2024,"$1,250.00",Cash\n'
        "2,0042,4/18/2024,$600.00,Pledge\n3,0042,4/19/2024,-$50.00,Adjustment\n",
        [
            ("Donation Completed", {".constituent_id:0042"}, "1250.00", {}),
            ("Pledge Made", {".constituent_id:0042"}, "600.00", {}),
        ],
        skipped=1,
    ),
    "raiser's edge gifts, labels": Export(
        "Raiser's Edge gifts",
        "Constituent ID,Gift Date,Gift Amount,Gift Type,Fund,Email\n"
        "88,2025-01-10,1200.00,Pledge,Annual Fund,ann@one.test\n88,2025-02-10,100.00,Pay-Cash,Annual Fund,ann@one.test\n",
        [
            ("Pledge Made", {".constituent_id:88", "email:ann@one.test"}, "1200.00", {}),
            ("Donation Completed", {".constituent_id:88", "email:ann@one.test"}, "100.00", {}),
        ],
    ),
    "little green light": Export(
        "Little Green Light gifts",
        "LGL Constituent ID,Gift date,Amount,Gift type\n88,2025-01-10,1200,Pledge\n88,2025-02-10,100,Gift\n",
        [
            ("Pledge Made", {".constituent_id:88"}, "1200", {}),
            ("Donation Completed", {".constituent_id:88"}, "100", {}),
        ],
    ),
    "luminate": Export(
        "Luminate Online constituents",
        "Constituent ID,First Name,Last Name,Primary Email,Accepts Email,Creation Date\n"
        "1000441,Ann,Lee,lees@one.test,false,03/12/2021 04:05 PM\n",
        [("record", {".constituent_id:1000441", "email:lees@one.test"}, None, {"email": False})],
    ),
    "luminate gifts": Export(
        "Luminate Online transactions",
        "Transaction ID,Constituent ID,Email,Transaction Amount,Transaction Date,Transaction Status\n"
        "9,1000441,ann@one.test,$25.00,03/13/2021 04:05 PM,Success\n"
        "10,1000441,ann@one.test,$25.00,03/14/2021 04:05 PM,Declined\n",
        [
            ("Donation Completed", {".constituent_id:1000441", "email:ann@one.test"}, "25.00", {}),
            ("Payment Failed", {".constituent_id:1000441", "email:ann@one.test"}, "25.00", {}),
        ],
    ),
    "stripe payments": Export(
        "Stripe payments",
        "id,Description,Created (UTC),Amount,Amount Refunded,Currency,Status,Customer ID,Customer Email\n"
        'ch_1,Donation,2024-04-17 15:11,"1,200.00",200.00,usd,Paid,cus_1,ann@one.test\n'
        "ch_2,Tote,2024-04-18 15:11,20.00,0.00,usd,Paid,cus_1,ann@one.test\n"
        "ch_3,Donation,2024-04-19 15:11,50.00,0.00,usd,Failed,,bo@two.test\n"
        "ch_4,Donation,2024-04-20 15:11,40.00,40.00,usd,Refunded,,bo@two.test\n",
        [
            ("Donation Completed", {"stripe.customer_id:cus_1", "email:ann@one.test"}, "1200.00", {}),
            ("Order Refunded", {"stripe.customer_id:cus_1", "email:ann@one.test"}, "200.00", {}),
            ("Order Completed", {"stripe.customer_id:cus_1", "email:ann@one.test"}, "20.00", {}),
            ("Payment Failed", {"email:bo@two.test"}, "50.00", {}),
            ("Order Refunded", {"email:bo@two.test"}, "40.00", {}),
        ],
    ),
    "stripe customers": Export(
        "Stripe customers",
        "id,Email,Name,Created (UTC),Total Spend,Payment Count\ncus_1,ann@one.test,Ann,2023-01-17 15:11,425.00,17\n",
        [("record", {"stripe.customer_id:cus_1", "email:ann@one.test"}, None, {})],
    ),
    "hubspot": Export(
        "HubSpot contacts",
        "Record ID,First Name,Email,Contact owner,Last Modified Date,Unsubscribed from all email,Opted out of email: News\n"
        "901,Gail,g@one.test;gail@one.test,flo@charity.test,2024-06-01 10:00,true,false\n",
        [("record", {".record_id:901", "email:g@one.test", "email:gail@one.test"}, None, {"email": False})],
    ),
    "outlook": Export(
        "Outlook contacts",
        "First Name,Last Name,Birthday,E-mail Address,E-mail 2 Address,Mobile Phone,Home Phone,Home Street,"
        "Company Main Phone\n"
        "Vera,Lunt,0/0/00,vera@one.test,v@work.test,,(207) 555-0161,8 Cove Rd,(207) 555-0100\n",
        [("record", {"email:vera@one.test", "email:v@work.test", "phone:(207) 555-0161"}, None, {})],
    ),
    "google": Export(
        "Google contacts",
        "First Name,Last Name,E-mail 1 - Label,E-mail 1 - Value,Phone 1 - Label,Phone 1 - Value\n"
        "Ann,A,* ,ann@one.test ::: a@two.test,Work,(207) 555-0100\nBo,B,,bo@two.test,Mobile,(207) 555-0161\n",
        [
            ("record", {"email:ann@one.test", "email:a@two.test"}, None, {}),
            ("record", {"email:bo@two.test", "phone:(207) 555-0161"}, None, {}),
        ],
    ),
    "shopify customers": Export(
        "Shopify customers",
        "Customer ID,First Name,Email,Accepts Email Marketing,Default Address Zip,Phone,Accepts SMS Marketing,Total Spent,"
        "Total Orders\n'721,Teo,teo@one.test,no,'04101,'+17755550171,yes,7790.44,6\n",
        [
            (
                "record",
                {".customer_id:721", "email:teo@one.test", "phone:+17755550171"},
                None,
                {"email": False, "sms": True},
            )
        ],
    ),
    "shopify orders": Export(
        "Shopify orders",
        "Name,Email,Financial Status,Paid at,Accepts Marketing,Currency,Total,Created at,Lineitem name,Cancelled at,"
        "Refunded Amount,Device ID,Id\n"
        "#1001,kim@one.test,paid,2024-04-17 11:02:00 -0400,yes,USD,76.00,2024-04-17 11:02:00 -0400,Tote,,0.00,2,5550001\n"
        "#1001,kim@one.test,,,,,,2024-04-17 11:02:00 -0400,Mug,,,,\n"
        "#1002,raj@two.test,voided,,no,USD,19.00,2024-04-18 11:02:00 -0400,Mug,,0.00,2,5550002\n",
        [
            ("Order Completed", {"email:kim@one.test"}, "76.00", {"email": True}),
            ("Payment Failed", {"email:raj@two.test"}, "19.00", {"email": False}),
        ],
        skipped=1,
    ),
    "canvas": Export(
        "Canvas gradebook",
        'Student,ID,SIS User ID,SIS Login ID,Section\n    Points Possible,,,,\n"Rivera, Ana",11,S1001,ana@school.test,8175\n',
        [("record", {".user_id:S1001", ".record_id:11", "email:ana@school.test"}, None, {})],
        skipped=1,
    ),
    "moodle": Export(
        "Moodle users",
        "First name,Surname,ID number,Institution,Department,Email address\nAnn,A,3006,School,3XX,ann@school.test\n",
        [("record", {".user_id:3006", "email:ann@school.test"}, None, {})],
    ),
    "twilio": Export(
        "Twilio messages",
        "From,To,Body,Status,SentDate,Sid,Direction\n+15035550201,+15035559999,STOP,received,2024-04-17T15:11:09Z,SM1,inbound\n"
        "+15035559999,+15035550203,Hello,delivered,2024-04-17T15:12:09Z,SM2,outbound-api\n",
        [
            ("SMS Received", {"phone:+15035550201"}, None, {"sms": False}),
            ("SMS Sent", {"phone:+15035550203"}, None, {}),
        ],
    ),
    "linkedin": Export(
        "LinkedIn connections",
        'Notes:\n"When exporting, you may notice, some are missing."\n\n'
        "First Name,Last Name,URL,Email Address,Company,Position,"
        "Connected On\nJules,Varga,https://www.linkedin.test/in/jules,jules@one.test,Globex,Director,03 Jan 2019\n",
        [("record", {"linkedin.profile_id:https://www.linkedin.test/in/jules", "email:jules@one.test"}, None, {})],
    ),
    "civicrm": Export(
        "CiviCRM contacts",
        "Contact ID,Contact Type,Do Not Email,Do Not Mail,No Bulk Emails (User Opt Out),Sort Name,Email\n"
        '204,Individual,0,0,0,"Faber, Ruth",ruth@one.test\n205,Individual,0,1,1,"Gil, Marco",marco@two.test\n',
        [
            ("record", {".contact_id:204", "email:ruth@one.test"}, None, {}),
            ("record", {".contact_id:205", "email:marco@two.test"}, None, {"email": False, "mail": False}),
        ],
    ),
    "civicrm contributions": Export(
        "CiviCRM contributions",
        "Contact ID,Contribution ID,Total Amount,Financial Type,Date Received,Contribution Status,Email\n"
        "204,9,25.00,Donation,2024-01-15 14:30:00,Completed,ruth@one.test\n"
        "204,10,25.00,Donation,2024-02-15 14:30:00,Failed,ruth@one.test\n",
        [
            ("Donation Completed", {".contact_id:204", "email:ruth@one.test"}, "25.00", {}),
            ("Payment Failed", {".contact_id:204", "email:ruth@one.test"}, "25.00", {}),
        ],
    ),
    "canadahelps": Export(
        "CanadaHelps donations",
        "DONOR FIRST NAME,DONOR LAST NAME,DONOR EMAIL ADDRESS,AMOUNT,DONATION DATE,DONATION TIME,TRANSACTION NUMBER\n"
        "Flo,Roy,flo@one.test,25.00,2024-01-15,14:30:00,CH-1\nANON,ANON,ANON,100.00,2024-01-17,16:45:00,CH-2\n",
        [("Donation Completed", {"email:flo@one.test"}, "25.00", {})],
        skipped=1,
    ),
    "paypal": Export(
        "PayPal activity",
        "Date,Time,Name,Type,Status,Currency,Gross,Fee,Net,From Email Address,To Email Address,Transaction ID\n"
        '17/02/2024,09:00:00,Ben,Subscription Payment,Completed,CAD,"1,050.00",-9.25,"1,040.75",ben@two.test,us@c.test,X1\n'
        "18/02/2024,09:00:00,Ada,Donation Payment,Denied,CAD,25.00,0,25.00,ada@one.test,us@c.test,X2\n"
        "19/02/2024,09:00:00,Ben,Payment Refund,Completed,CAD,-50.00,0,-50.00,us@c.test,ben@two.test,X3\n"
        "20/02/2024,09:00:00,,General Withdrawal,Completed,CAD,-900.00,0,-900.00,us@c.test,,X4\n",
        [
            ("Donation Completed", {"email:ben@two.test"}, "1050.00", {}),
            ("Payment Failed", {"email:ada@one.test"}, "25.00", {}),
            ("Order Refunded", {"email:ben@two.test"}, "-50.00", {}),
        ],
        skipped=1,
    ),
    "paypal in German": Export(
        "PayPal activity",
        '"Datum","Uhrzeit","Zeitzone","Name","Typ","Status","Währung","Brutto","Gebühr","Netto","Absender E-Mail-Adresse",'
        '"Empfänger E-Mail-Adresse","Transaktionscode"\n'
        '"17.02.2024","09:00:00","CET","Ben","Spendenzahlung","Abgeschlossen","EUR","1.050,00","-9,25","1.040,75",'
        '"ben@two.test","us@c.test","X1"\n',
        [("Donation Completed", {"email:ben@two.test"}, "1050.00", {})],
    ),
    "actblue": Export(
        "ActBlue contributions",
        "Receipt ID,Date,Amount,Recurrence Number,Recipient,Donor First Name,Donor Last Name,Donor Email,Donor Phone,"
        "Fundraiser Contact Email,Donor ID,Lineitem ID,Refund ID,Text Message Opt In\n"
        "AB1,2024-05-09 17:33:08,25.00,1,PAC,Ann,A,ann@one.test,2075550131,staff@pac.test,90,70,,unknown\n"
        "AB1,2024-05-09 17:33:08,10.00,1,PAC 2,Ann,A,ann@one.test,2075550131,staff@pac.test,90,71,,opted_in\n"
        "AB2,2024-05-10 17:33:08,25.00,1,PAC,Bo,B,bo@two.test,,staff@pac.test,91,72,R1,opted_out\n",
        [
            ("Donation Completed", {".donor_id:90", "email:ann@one.test", "phone:2075550131"}, "25.00", {}),
            ("Donation Completed", {".donor_id:90", "email:ann@one.test", "phone:2075550131"}, "10.00", {"sms": True}),
            ("Donation Refunded", {".donor_id:91", "email:bo@two.test"}, "25.00", {"sms": False}),
        ],
    ),
    "substack": Export(
        "Substack subscribers",
        "email,active_subscription,expiry,email_disabled,created_at\npia@one.test,true,,false,2024-09-01T08:00:00Z\n"
        "gone@two.test,false,,true,2024-09-02T08:00:00Z\n",
        [("record", {"email:pia@one.test"}, None, {}), ("record", {"email:gone@two.test"}, None, {"email": False})],
    ),
    "salesforce": Export(
        "Salesforce contacts",
        "ID,ISDELETED,ACCOUNTID,LASTNAME,FIRSTNAME,MAILINGCITY,MOBILEPHONE,EMAIL,HASOPTEDOUTOFEMAIL,DONOTCALL,SYSTEMMODSTAMP\n"
        "003A1,false,001H1,Holm,Greta,Salem,(503) 555-0231,greta@one.test,true,false,2024-04-17T10:00:00.000Z\n"
        "003A2,true,001H1,Holm,Nils,Salem,,nils@two.test,false,false,2024-04-17T10:00:00.000Z\n",
        [
            (
                "record",
                {".contact_id:003A1", "email:greta@one.test", "phone:(503) 555-0231"},
                None,
                {"email": False},
            )
        ],
        skipped=1,
    ),
    "salesforce report": Export(
        "Salesforce contacts",
        "Contact ID,First Name,Last Name,Account Name,Mailing City,Email,Email Opt Out,Do Not Contact\n"
        "003A1,Greta,Holm,Holm Household,Salem,greta@one.test,0,1\n",
        [("record", {".contact_id:003A1", "email:greta@one.test"}, None, {"all": False})],
    ),
    "salesforce donations": Export(
        "Salesforce donations",
        "Opportunity ID,Opportunity Name,Amount,Close Date,Stage,Contact ID,Email\n"
        "006A1,Gift,$25.00,4/17/2024,Closed Won,003A1,greta@one.test\n"
        "006A2,Ask,$900.00,4/30/2024,Prospecting,003A1,greta@one.test\n",
        [("Donation Completed", {".contact_id:003A1", "email:greta@one.test"}, "25.00", {})],
        skipped=1,
    ),
    "npsp": Export(
        "NPSP data import",
        "Contact1 First Name,Contact1 Last Name,Contact1 Personal Email,Contact2 First Name,Contact2 Last Name,"
        "Contact2 Personal Email,Home City,Donation Amount,Donation Date\n"
        "Ann,Lee,ann@one.test,Bob,Lee,bob@one.test,Salem,25.00,2024-04-17\n",
        [
            ("record", {"email:ann@one.test"}, None, {}),
            ("record", {"email:bob@one.test"}, None, {}),
            ("Donation Completed", {"email:ann@one.test"}, "25.00", {}),
        ],
    ),
    "constant contact": Export(
        "Constant Contact",
        "Email address,First name,Last name,Email status,Email opt-out date\nann@one.test,Ann,A,Active,\n"
        "bo@two.test,Bo,B,Unsubscribed,2024-01-02\n",
        [
            ("record", {"email:ann@one.test"}, None, {"email": True}),
            ("record", {"email:bo@two.test"}, None, {"email": False}),
        ],
    ),
    "donorbox": Export(
        "Donorbox donations",
        "Name,Donor's First Name,Donor's Last Name,Donor Email,Amount,Currency,Donated At,Plan ID,Status,Receipt Id\n"
        "Ann A,Ann,A,ann@one.test,25.00,USD,2024-04-17 10:00:00,,paid,r1\n",
        [("Donation Completed", {"email:ann@one.test"}, "25.00", {})],
    ),
    "kit": Export(
        "Kit subscribers",
        "id,first_name,email_address,state,created_at\n"
        "1,Ann,ann@one.test,active,2024-01-15T10:30:00Z\n2,Bo,bo@two.test,cancelled,2024-01-15T10:30:00Z\n"
        "3,Cy,cy@three.test,inactive,2024-01-15T10:30:00Z\n4,Di,di@four.test,Bounced,2024-01-15T10:30:00Z\n"
        "5,Ed,ed@five.test,complained,2024-01-15T10:30:00Z\n6,Flo,flo@six.test,unsubscribed,2024-01-15T10:30:00Z\n",
        [
            ("record", {".subscriber_id:1", "email:ann@one.test"}, None, {"email": True}),
            ("record", {".subscriber_id:2", "email:bo@two.test"}, None, {"email": False}),
            ("record", {".subscriber_id:3", "email:cy@three.test"}, None, {}),
            ("record", {".subscriber_id:4", "email:di@four.test"}, None, {"email": False}),
            ("record", {".subscriber_id:5", "email:ed@five.test"}, None, {"email": False}),
            ("record", {".subscriber_id:6", "email:flo@six.test"}, None, {"email": False}),
        ],
    ),
    "beehiiv": Export(
        "Beehiiv subscriptions",
        "id,email,status,created,subscription_tier,utm_source,referral_code\n"
        "sub_1,ann@one.test,active,1705314600,free,x,ab\nsub_2,bo@two.test,inactive,1705314600,free,x,cd\n"
        "sub_3,cy@three.test,pending,1705314600,free,,\nsub_4,di@four.test,needs_attention,1705314600,free,,\n"
        "sub_5,ed@five.test,invalid,1705314600,free,,\n",
        [
            ("record", {".subscription_id:sub_1", "email:ann@one.test"}, None, {"email": True}),
            ("record", {".subscription_id:sub_2", "email:bo@two.test"}, None, {"email": False}),
            ("record", {".subscription_id:sub_3", "email:cy@three.test"}, None, {}),
            ("record", {".subscription_id:sub_4", "email:di@four.test"}, None, {}),
            ("record", {".subscription_id:sub_5", "email:ed@five.test"}, None, {"email": False}),
        ],
    ),
    "mailchimp members": Export(
        "Mailchimp members",
        "id,email_address,unique_email_id,status,merge_fields.FNAME,list_id,last_changed\n"
        "a1,ann@one.test,u1,subscribed,Ann,L,2024-06-19T12:00:01+00:00\n"
        "a2,bo@two.test,u2,unsubscribed,Bo,L,2024-06-19T12:00:01+00:00\n"
        "a3,cy@three.test,u3,cleaned,Cy,L,2024-06-19T12:00:01+00:00\n"
        "a4,di@four.test,u4,pending,Di,L,2024-06-19T12:00:01+00:00\n"
        "a5,ed@five.test,u5,transactional,Ed,L,2024-06-19T12:00:01+00:00\n"
        "a6,flo@six.test,u6,archived,Flo,L,2024-06-19T12:00:01+00:00\n",
        [
            ("record", {".member_id:a1", "email:ann@one.test"}, None, {"email": True}),
            ("record", {".member_id:a2", "email:bo@two.test"}, None, {"email": False}),
            ("record", {".member_id:a3", "email:cy@three.test"}, None, {"email": False}),
            ("record", {".member_id:a4", "email:di@four.test"}, None, {}),
            ("record", {".member_id:a5", "email:ed@five.test"}, None, {}),
            ("record", {".member_id:a6", "email:flo@six.test"}, None, {"email": False}),
        ],
    ),
    "kit, exported": Export(
        "Kit subscribers",
        "first_name,email_address,state,created_at,tags\nAnn,ann@one.test,active,2025-03-03,creators\n",
        [("record", {"email:ann@one.test"}, None, {"email": True})],
    ),
    "beehiiv, exported": Export(
        "Beehiiv subscriptions",
        "Email,Status,Created At,Subscription Tier\nann@one.test,Active,2025-10-10 10:10:10,free\n"
        "bo@two.test,Inactive,2025-10-10 10:10:10,free\n",
        [
            ("record", {"email:ann@one.test"}, None, {"email": True}),
            ("record", {"email:bo@two.test"}, None, {"email": False}),
        ],
    ),
    "klaviyo": Export(
        "Klaviyo profiles",
        "Email,Klaviyo ID,First Name,Phone Number,Email Marketing Consent,SMS Marketing Consent\n"
        "ann@one.test,K1,Ann,+12075550131,NEVER_SUBSCRIBED,SUBSCRIBED\nbo@two.test,K2,Bo,,UNSUBSCRIBED,\n",
        [
            ("record", {".record_id:K1", "email:ann@one.test", "phone:+12075550131"}, None, {"sms": True}),
            ("record", {".record_id:K2", "email:bo@two.test"}, None, {"email": False}),
        ],
    ),
}
