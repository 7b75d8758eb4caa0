"""A name: the given names, family names, nicknames, streets and places that invented people are made of."""

from __future__ import annotations

GIVEN_FEMALE = (
    "Mary", "Patricia", "Jennifer", "Linda", "Elizabeth", "Barbara", "Susan", "Jessica", "Karen", "Margaret",
    "Nancy", "Betty", "Sandra", "Ashley", "Dorothy", "Kimberly", "Emily", "Donna", "Michelle", "Carol", "Amanda",
    "Melissa", "Deborah", "Stephanie", "Rebecca", "Laura", "Sharon", "Cynthia", "Kathleen", "Guadalupe", "Fatima",
    "Aaliyah", "Mei", "Priya", "Zofia", "Agnieszka", "Imani", "Renée", "Chloé", "Lucía", "Yasmin", "Ngozi", "Keiko",
    "Siobhán",
)  # fmt: skip
GIVEN_MALE = (
    "James", "Robert", "John", "Michael", "William", "David", "Richard", "Joseph", "Thomas", "Charles",
    "Christopher", "Daniel", "Matthew", "Anthony", "Mark", "Donald", "Steven", "Andrew", "Kenneth", "George",
    "Joshua", "Kevin", "Brian", "Edward", "Ronald", "Timothy", "Jason", "Jeffrey", "Ryan", "Jacob", "Nicholas",
    "José", "Juan", "DeShawn", "Malik", "Wei", "Arjun", "Stanisław", "Piotr", "Jamal", "André", "Hiroshi", "Emeka",
    "Miguel", "Séamus",
)  # fmt: skip
NICKNAMES = {
    "Patricia": "Pat", "Jennifer": "Jen", "Elizabeth": "Liz", "Barbara": "Barb", "Susan": "Sue", "Margaret": "Peggy",
    "Nancy": "Nan", "Kimberly": "Kim", "Deborah": "Debbie", "Rebecca": "Becky", "Cynthia": "Cindy", "Sandra": "Sandy",
    "Kathleen": "Kathy", "Guadalupe": "Lupe", "James": "Jim", "Robert": "Bob", "Michael": "Mike", "William": "Bill",
    "Richard": "Dick", "Joseph": "Joe", "Thomas": "Tom", "Charles": "Chuck", "Christopher": "Chris", "Daniel": "Dan",
    "Matthew": "Matt", "Anthony": "Tony", "Steven": "Steve", "Andrew": "Drew", "Edward": "Ed", "Timothy": "Tim",
    "Nicholas": "Nick", "Joshua": "Josh", "Jeffrey": "Jeff", "Kenneth": "Ken", "José": "Pepe", "Ronald": "Ron",
}  # fmt: skip
FAMILY = (
    "Smith", "Johnson", "Williams", "Brown", "Jones", "Garcia", "Miller", "Davis", "Rodriguez", "Martinez",
    "Hernandez", "Lopez", "Gonzalez", "Wilson", "Anderson", "Thomas", "Taylor", "Moore", "Jackson", "Martin", "Lee",
    "Perez", "Thompson", "White", "Harris", "Sanchez", "Clark", "Ramirez", "Lewis", "Robinson", "Walker", "Young",
    "Allen", "King", "Wright", "Scott", "Torres", "Nguyen", "Hill", "Flores", "Green", "Adams", "Nelson", "Baker",
    "Hall", "Rivera", "Campbell", "Mitchell", "Carter", "Roberts", "Kowalski", "Nowak", "Wiśniewski", "O'Brien",
    "O'Malley", "Murphy", "Kelly", "Ryan", "Patel", "Shah", "Khan", "Chen", "Wang", "Kim", "Park", "Tanaka",
    "Okafor", "Adeyemi", "Washington", "Jefferson", "Müller", "Schmidt", "Schneider", "Larsson", "Novak", "Dvořák",
    "Popescu", "Papadopoulos", "Rossi", "Esposito", "Núñez", "Peña", "Muñoz", "Beauregard", "Fitzgerald",
    "Van-Dyke", "Goldberg", "Cohen", "Levy", "Rosen", "Haddad", "Mansour", "Ali", "Hussein", "Delgado", "Vega",
    "Castillo", "Reyes", "Cruz", "Ortiz", "Morales", "Gutierrez", "Zielinski", "Wojcik", "Kaminski", "Lindqvist",
)  # fmt: skip
STREETS = (
    "N Clark St", "W Belmont Ave", "N Halsted St", "S Michigan Ave", "W Division St", "N Damen Ave",
    "S Ashland Ave", "W Fullerton Ave", "N Sheridan Rd", "S King Dr", "W Cermak Rd", "N Lincoln Ave", "E 53rd St",
    "W Addison St", "N Broadway", "S Kedzie Ave", "Oak Park Ave", "Main St", "Maple Ave", "Elm St", "Chicago Ave",
    "Ridge Rd", "Dempster St", "Green Bay Rd",
)  # fmt: skip
PLACES = (
    ("Chicago", "IL", "60614"), ("Chicago", "IL", "60657"), ("Chicago", "IL", "60615"), ("Chicago", "IL", "60647"),
    ("Chicago", "IL", "60608"), ("Chicago", "IL", "60640"), ("Chicago", "IL", "60622"), ("Evanston", "IL", "60201"),
    ("Oak Park", "IL", "60302"), ("Skokie", "IL", "60076"), ("Naperville", "IL", "60540"), ("Wilmette", "IL", "60091"),
    ("Berwyn", "IL", "60402"), ("Hammond", "IN", "46320"), ("Gary", "IN", "46402"), ("Newark", "NJ", "07102"),
    ("Boston", "MA", "02118"),
)  # fmt: skip
# Names under .example are reserved and reach nobody.
MAIL_DOMAINS = ("gmail.example", "yahoo.example", "outlook.example", "aol.example", "comcast.example", "att.example")
WORK_DOMAINS = ("lakeshore-law.example", "cityhospital.example", "prairie-design.example", "northside-schools.example")
AREA_CODES = ("312", "773", "872", "847", "708", "630", "224", "219", "815", "331", "414", "608", "574", "617", "973")
