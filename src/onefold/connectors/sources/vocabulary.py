"""Vocabulary: the words by which exports name their columns, in the languages that systems write them in.

All words stand as `headings.folded` leaves them: small letters without accents, blanks or signs.
"""

from __future__ import annotations


def _words(text: str) -> list[str]:
    return text.split()


CONCEPTS: dict[str, str] = {
    "email": """email emailaddress emailaddr mail mailaddress emailid epost epostadresse epostadress eposta courriel
adresseemail adressemail adresseelectronique adressecourriel adressedemessagerie correo
correoelectronico direcciondecorreo direcciondecorreoelectronico direccionemail postaelettronica
indirizzoemail indirizzomail indirizzodipostaelettronica enderecodeemail enderecoemail emailadresse
mailadresse emailadres mailadres adresemail adresymail sahkoposti sahkopostiosoite メールアドレス eメール 邮箱
电子邮件 почта электроннаяпочта адресэлпочты emailcim""",
    "phone": """phone phonenumber phoneno telephone telephonenumber tel telno contactnumber telefon telefonnummer
telefonnr rufnummer telefono numerodetelefono numeroditelefono numerotelefono telefone
numerodetelefone numerodetelephone telefoon telefoonnummer numertelefonu puhelin puhelinnumero tlf
電話番号 电话 телефон evening daytimephone phoneevening phoneday dayphone eveningphone callbacknumber""",
    "mobile": """mobile mobilephone mobilenumber mobileno cell cellphone cellnumber cellular smartphone smsnumber
smsphone textnumber whatsapp whatsappnumber handy handynummer mobil mobilnummer mobiltelefon
mobilfunk mobilfunknummer portable telephoneportable telmobile telephonemobile movil telefonomovil
celular telefonocelular cellulare telefonocellulare telemovel mobiel mobielnummer mobielenummer gsm
komorka matkapuhelin mobilephonenumber 手机 携帯""",
    "first_name": """firstname first givenname givennames forename forenames fname prename vorname prenom prenoms nombre
nombres nombredepila nome primonome primeironome nomeproprio voornaam fornavn fornamn imie etunimi
jmeno keresztnev 名 имя christianname""",
    "last_name": """lastname last surname familyname lname secondname nachname familienname nomdefamille nom apellido
apellidos cognome sobrenome apelido ultimonome achternaam familienaam etternavn efternavn efternamn
nazwisko sukunimi prijmeni vezeteknev 姓 фамилия""",
    "middle_name": "middlename middleinitial middle mi zweitername deuxiemeprenom segundonombre tussenvoegsel",
    "name": """name fullname displayname completename nameinfull firstandlastname firstlastname namefl sortname
vollstandigername nomcomplet nometprenom nomprenom nombrecompleto nombreyapellidos nomecompleto
nomecognome volledigenaam naam navn namn imieinazwisko student 氏名 姓名 お名前 фио""",
    "salutation": "salutation title prefix nameprefix anrede titel civilite tratamiento titolo aanhef honorific",
    "name_suffix": "suffix namesuffix",
    "birthday": """birthday birthdate dateofbirth dob born bday geburtsdatum geburtstag datedenaissance naissance
fechadenacimiento fechanacimiento datadinascita datadenascimento datanascimento geboortedatum
fodselsdato fodselsdag fodelsedatum dataurodzenia syntymaaika 生年月日 датарождения""",
    "street": """street address streetaddress address1 addressline1 addrline1 addrlines addressline addrline street1
streetline1 addressstreet strasse straße strassehausnummer adresse anschrift rue adressepostale voie
calle direccion domicilio via indirizzo rua endereco morada straat straatnaam adres ulica adress
gate gateadresse vej gatuadress katuosoite 住所""",
    "street2": """street2 address2 addressline2 addrline2 streetline2 apartment apt unit suite adresszusatz
complementadresse complement complemento toevoeging""",
    "city": """city town suburb locality ort stadt wohnort ville commune localite ciudad localidad poblacion citta
comune cidade plaats woonplaats stad by poststed postort miasto kaupunki mesto 市区町村 город""",
    "state": """state province region stateprovince stateregion provinceregion provincecode statecode county
bundesland kanton departement provincia estado regione provincie wojewodztwo fylke lan 都道府県 область""",
    "postal_code": """zip zipcode postcode postalcode postal zippostalcode zippostcode postleitzahl plz codepostal cp
codigopostal cap codiceposta codiceavviamentopostale cep postnummer postnr kodpocztowy postinumero
psc 郵便番号 индекс""",
    "country": """country countrycode countryname countryregion nation land pays pais paese stato kraj maa 国 страна
countryregionname""",
    "gender": "gender sex geschlecht genre sexe genero sexo sesso geslacht kjonn kon plec sukupuoli 性別 пол",
    "company": """company companyname organization organisation organizationname organisationname organizationunit
employer business businessname accountname firma firmenname unternehmen entreprise societe organisme
empresa organizacion azienda societa organizzazione bedrijf bedrijfsnaam organisatie foretag
virksomhed yritys 会社 компания institution""",
    "job_title": """jobtitle position occupation profession role beruf funktion poste fonction cargo puesto ocupacion
professione ruolo functie organizationtitle""",
    "username": "username login loginname benutzername nomdutilisateur nombredeusuario gebruikersnaam nomeutente",
    "language": "language preferredlanguage locale sprache langue idioma lingua taal sprak",
    "timezone": "timezone tz zeitzone fuseauhoraire zonahoraria fusoorario tijdzone fusohorario",
    "currency": """currency currencycode curr wahrung devise monnaie moneda divisa valuta moeda waluta valutta 通貨
валюта isocurrency currencyiso""",
    "time": "time hour uhrzeit zeit heure hora ora tijd timeofday donationtime transactiontime tid godzina",
    "status": """status paymentstatus transactionstatus financialstatus orderstatus giftstatus attendeestatus
donationstatus contributionstatus result outcome zahlungsstatus etat statut statutdupaiement
estadodelpago statotransazione betaalstatus""",
    "refunded": """amountrefunded refundedamount refundamount refund refunded erstattet erstattungsbetrag
montantrembourse importereembolsado importorimborsato""",
    "modified": """updatedat updated lastupdated lastupdate updatedate updatedon dateupdated lastmodified
lastmodifieddate lastmodifiedat lastmodifiedon modified modifieddate modifiedat modifiedon
datemodified datelastmodified lastchanged changedat datechanged lastchangeddate changed changedate
lastedited systemmodstamp modifieddatetime lastmodifieddatetime geandertam zuletztgeandert
zuletztaktualisiert aenderungsdatum anderungsdatum datedemodification datedemiseajour modifiele
misajour ultimamodificacion fechademodificacion actualizado ultimamodifica datamodifica
ultimaalteracao laatstgewijzigd gewijzigdop""",
    "created": """createdat created createdon createddate createdate creationdate creationtime datecreated dateadded
addedon addeddate entrydate joindate joined signupdate registrationdate createdutc erstelltam
anlagedatum datedecreation creele fechadecreacion datacreazione criadoem aangemaaktop""",
}
"""What a column holds, and the words it goes by."""

SELF = _words(
    """donor donors donator constituent contact contacts customer customers attendee participant subscriber
member supporter student user person people client patron registrant individual guest profile cnbio
gfcnbio gf cn cons payer sender from primary main default preferred prefered mailing home personal
private your my current legal alumni alumnus volunteer pledger giver contributor cardholder value
values text address addr addresses adrprf cnadrprf cnadr spender spenderin donateur donatrice
donante donatore doador donateurs kunde kunden client clients cliente klant lid leden mitglied
mitglieder membre adherent socio miembro membro kontakt contacto contatto contactpersoon teilnehmer
teilnehmers asistente partecipante participante deelnemer absender absenders expediteur mittente
afzender remitente remetente privat prive privee privado principal principale haupt standard
adherente billto payor"""
)
"""Words before and after a concept that leave it the row's own person."""

ROLES: dict[str, str] = {
    **dict.fromkeys(
        _words(
            """buyer purchaser lacheteur dacheteur orderer bookedby orderedby acheteur kaufer kaeufer kaufers
comprador compratore koper besteller bestellers commanditaire acquirente"""
        ),
        "buyer",
    ),
    **dict.fromkeys(
        _words("billing bill invoice rechnungs rechnung facturation facturacion fatturazione factuur"), "billing"
    ),
    **dict.fromkeys(
        _words("shipping ship delivery liefer lieferung livraison envio spedizione verzend shipto"), "shipping"
    ),
    **dict.fromkeys(
        _words(
            """spouse spouses partner husband wife cnspsp cnspspbio secondary conjoint conyuge coniuge ehepartner
joint cohead coapplicant partners"""
        ),
        "spouse",
    ),
    **dict.fromkeys(
        _words(
            """work business office dienstlich geschaftlich geschaeftlich bureau professionnel trabajo lavoro
trabalho zakelijk werk buro travail"""
        ),
        "work",
    ),
    **dict.fromkeys(
        _words("""other alternate alternative alt second additional weitere autre otro altro andere sonstige"""),
        "other",
    ),
    **dict.fromkeys(
        _words(
            """parent mother father guardian emergency assistant assistants manager managers owner agent referrer
referredby referred company companymain organization organisation account employer teacher sponsor
tribute honoree honorees memorial inhonorof inmemoryof notify notification acknowledgee solicitor
fundraiser staff advisor counselor friend inviter invitedby household family event venue campaign
product item vendor supplier merchant seller receiver to recipient payee beneficiary host organizer
organiser page form fund appeal team group list school employee support customerservice reply
replyto destination empfanger empfangers destinataire destinatario destinatari ontvanger bounce
createdby modifiedby lastmodifiedby fax homefax workfax businessfax tickets seating optin confirm
ansprechpartner vertreter geo ip utm"""
        ),
        "stranger",
    ),
}
"""Words that give a column to somebody else, or to another side of the person."""

SALUTATIONS = _words(
    """mr mrs ms miss mx dr prof professor sir dame lord lady rev reverend fr father sister rabbi hon capt col sgt herr frau
    hr fr m mme mlle monsieur madame mademoiselle maitre sr sra srta don doña dona señor señora sig sigra signor signora
    signorina dott dottssa dhr mevr mw meneer mevrouw heer pan pani herra rouva bay bayan"""
)
"""Words that stand before names."""

NOISE = _words(
    """the of for de du des del della dello dell do da das dos van von vom der den het el la le les il di
og und et"""
)

PERSON_NOUNS: dict[str, str] = {
    **dict.fromkeys(_words("constituent constituents cnbio gfcnbio cons consituent"), "constituent_id"),
    **dict.fromkeys(_words("contact kontakt contacto contatto civicrmcontact hubspotcontact"), "contact_id"),
    **dict.fromkeys(
        _words("""customer customers client kunden kunde cliente klant klanten debitor stripecustomer shopper buyer"""),
        "customer_id",
    ),
    **dict.fromkeys(_words("donor donator spender donateur donante donatore doador giver"), "donor_id"),
    **dict.fromkeys(_words("member mitglieds mitglied membre adherent socio miembro lid membership"), "member_id"),
    **dict.fromkeys(_words("subscriber abonnenten abonnent abonne suscriptor"), "subscriber_id"),
    **dict.fromkeys(_words("student pupil learner etudiant estudiante sis"), "student_id"),
    **dict.fromkeys(_words("user sisuser nutzer benutzer utilisateur usuario utente gebruiker webuser"), "user_id"),
    **dict.fromkeys(_words("person persons people personen personne persona persoon individual"), "person_id"),
    **dict.fromkeys(_words("supporter vanid vanid patron alumni volunteer lead profile prospect"), "record_id"),
    **dict.fromkeys(_words("record datensatz id idnumber crm van relatie enregistrement registro"), "record_id"),
}
"""What an id's column calls the person, and the kind of id that is."""

ID_WORDS = _words(
    """id ids identifier identification idnumber number no nr num nummer numero nr guid uuid key
identifiant identificador identificatore kennung kennziffer idnummer"""
)

FACTS = _words(
    """gift donation contribution order payment transaction purchase receipt invoice charge ticket attendee
booking registration confirmation barcode reference pledge checkout sale trans txn deposit lineitem
sales spende spenden bestell bestellung bestellnummer auftrags rechnungs zahlungs transaktions beleg
quittungs buchungs don commande paiement recu donacion pedido pago factura donazione ordine
pagamento ricevuta transazione gf bestelling betaling donatie schenking ordre transaktion taxreceipt"""
)
"""What happened, as columns of ids, dates and amounts call it."""

AMOUNTS: dict[str, int] = {
    **dict.fromkeys(
        _words("totalpaid amountpaid totalamount grossamount netpaid paidamount donationamount giftamount"), 0
    ),
    **dict.fromkeys(
        _words(
            """amount amt betrag spendenbetrag gesamtbetrag zahlungsbetrag montant montanttotal montantdudon
importe importetotal monto cantidad importo importototale valor valortotal quantia bedrag
totaalbedrag belop belopp kwota summa 金額 сумма amountusd amountcad amountgbp amounteur amountaud
donationamt giftamt contributionamount"""
        ),
        1,
    ),
    **dict.fromkeys(_words("gross brutto bruttobetrag brut bruto lordo"), 2),
    **dict.fromkeys(_words("total grandtotal ordertotal sum gesamt gesamtsumme totale totaal revenue"), 3),
    **dict.fromkeys(
        _words("""price ticketprice value preis prix precio prezzo preco prijs cost paid donated donation gift"""), 4
    ),
}
"""Columns of money, and how likely each is what was paid."""

DATES: dict[str, int] = {
    **dict.fromkeys(
        _words(
            """paidat paidon datereceived receiveddate receivedon dateofgift dateofdonation dateoftransaction
spendendatum datedudon datedepaiement fechadedonacion bestelldatum buchungsdatum zahlungsdatum
datedecommande fechadelpedido completedat processedat timestamp datetime dateandtime
transactiondatetime donatedat"""
        ),
        0,
    ),
    **dict.fromkeys(_words("date datum fecha data dato 日付 дата paivamaara dateutc datetimeutc"), 1),
}
"""Columns that say when it happened."""

AGGREGATE = (
    r"lifetime|cumulative|largest|highest|smallest|lowest|average|^avg|^ytd|ytd$|thisyear|lastyear|allgifts"
    r"|^(?:total)(?:spen[dt]|gift|gifts|donat|donations|given|giving|contribut|order|orders|revenue|raised|purchases|visits)"
    r"|^(?:last|first|latest|previous|next|best|mostrecent|initial).*(?:amount|gift|date|donation|payment|order|purchase)"
    r"|(?:spend|spent|given|raised|donated|todate)$|(?<!ac)(?<!dis)count$|^numberof|^numof|balance|goal|credits?$"
)
"""Sums over a life: attributes, never events."""

NOT_PAID = (
    r"fee|tax|discount|shipping|subtotal|converted|lineitem|unitprice|outstanding|\bnet$|tip$|cost$|deductible|fairmarket"
    r"|percent|rate$|goal"
)
"""Money that is no payment of the person."""

STATUS: dict[str, str] = {
    **dict.fromkeys(
        _words(
            """completed complete paid succeeded success successful settled settling cleared captured approved
posted attending checkedin received done closed ok fulfilled processed accepted active confirmed
deposited disbursed partiallyrefunded eventbritecompleted registered live yes true abgeschlossen
bezahlt erfolgreich erledigt paye payee termine reussi effectue completado completada pagado pagada
completato completata pagato concluido concluida pago voltooid betaald afgerond slutford betald
zakonczono fullfort betalt 完了"""
        ),
        "paid",
    ),
    **dict.fromkeys(
        _words(
            """failed declined canceled cancelled void voided blocked expired denied reversed chargeback
chargedback error unpaid abandoned deleted rejected disputed lost incomplete test removed returned
bounced nsf notattending no false fehlgeschlagen abgelehnt storniert abgebrochen echoue refuse
annule fallido rechazado cancelado cancelada anulado fallito rifiutato annullato falhou recusado
mislukt geweigerd geannuleerd misslyckad avbruten"""
        ),
        "failed",
    ),
    **dict.fromkeys(
        _words(
            """refunded refund fullyrefunded erstattet ruckerstattet ruckzahlung zuruckgezahlt rembourse remboursee
reembolsado reembolsada rimborsato rimborsata terugbetaald gerestitueerd aterbetald zwrocono"""
        ),
        "refunded",
    ),
    **dict.fromkeys(
        _words(
            """pending open processing uncaptured requirespaymentmethod requiresaction requirescapture authorized
scheduled onhold inprogress unclaimed awaiting partiallypaid draft ausstehend offen inbearbeitung
enattente encours pendiente procesando inattesa inelaborazione pendente inbehandeling openstaand
vantande"""
        ),
        "pending",
    ),
}
"""What became of a payment."""
