"""Nicknames: which given names are forms of one name."""

from __future__ import annotations

_GROUPS = """
abigail abby abbie gail | abraham abe bram | adam ad | adelaide addie ada | agnes aggie | albert al bert bertie |
alexander alex alec sandy xander sasha alejandro aleksandr | alexandra lexi lexie sandra | alfred alf alfie fred |
alice ali allie | alison allison allie | amanda mandy andrew andy drew andreas andre andrei | angela angie | ann anne
anna annie nan nancy hannah ana | anthony tony anton antonio | archibald archie | arthur art artie | augustus gus
august | barbara barb barbie babs | barnaby barney | bartholomew bart | beatrice bea trixie | benjamin ben benny benji
| bernard bernie | beverly bev beverley | bradley brad | brandon bran | bridget biddy bridie | caroline carrie carol
carolyn lina | catherine cathy kate katie cat kathryn katherine kathy kit kitty kathleen kay katharine catalina katrin
| cecilia cissy celia | charles charlie chuck chas chaz carlos karl carl | charlotte lottie char lotte | chester chet
| christian chris | christina chris tina chrissy | christine kristina kristin | christopher chris kit topher kris
christoph | clarence clare | claudia claudie | clifford cliff | clinton clint | constance connie | cornelius neil con
| curtis curt kurt | cynthia cindy | daniel dan danny daniil | danielle dani | david dave davey davy | deborah deb
debbie debra | dennis denny denis | diana di diane dianne | dominic dom nick | donald don donny donnie | dorothy dot
dottie dolly dora | douglas doug | edith edie | edmund ed eddie ned | edward ed eddie ned ted teddy eduard eduardo |
edwin ed eddie | eleanor ellie nell nora ella elinor elijah eli | elizabeth liz lizzie beth betty betsy eliza libby
bess lisa elisabeth liza elsie lizbeth | ellen nell ellie helen | emily em emmy millie | emma em | ernest ernie |
eugene gene | evelyn eve evie | ezekiel zeke | felicity fliss | florence flo flossie | frances fran fanny francis
frank fran frankie francisco franz | franklin frank | frederick fred freddie freddy rick fritz friedrich | gabriel
gabe | gabrielle gabby | geoffrey geoff jeff jeffrey | george georgie jorge georg | gerald gerry jerry | gertrude
gertie trudy | gilbert gil bert | gordon gordy | grace gracie | gregory greg gregor | gwendolyn gwen | harold harry
hal | harriet hattie | henry harry hank hal heinrich | herbert herb bert | hilary hil | howard howie | hubert hugh
bert | hugh hughie | ian iain | ignatius iggy | irene rene | isaac ike zac | isabella bella izzy isabel isabelle belle
| jacob jake jakob | jacqueline jackie | james jim jimmy jamie jem jay | jane janey jenny | janet jan | janice jan |
jason jay | jean jeannie jeanne | jennifer jen jenny jenn | jeremiah jerry | jeremy jem jerry | jerome jerry | jessica
jess jessie | joan joanie | joanna jo joanne jo anna | john jack johnny jon johnnie juan johann ivan hans | jonathan
jon jonny nathan jonathon | joseph joe joey jo jose josef giuseppe | josephine jo josie | joshua josh | joyce joy |
judith judy jude | julia julie jules | julian jules | justin jus | kenneth ken kenny | kimberly kim kimberley |
kristen kris kirsten | laura laurie lori | laurence larry laurie lawrence lorenzo lars | leah lee | leonard leo len
lenny | leopold leo | leslie les lesley | lillian lily lil lilian | linda lin lindy | lindsay lin lindsey | louis lou
louie lewis luis | louise lou lulu | lucille lucy | lucinda lucy cindy | lydia liddy | madeline maddie maddy madeleine
madelyn | margaret maggie meg peggy marge margie peg greta rita daisy margot marguerite | maria mary marie mia |
marjorie marge margie | martha marty mattie | martin marty | marvin marv | mary molly polly mamie may maria marie |
matilda tilly mattie | matthew matt matty mateo matthias | maurice morris mo | maximilian max | maxwell max | megan
meg | melanie mel | melissa mel missy lissa | melvin mel | michael mike mick mickey micky mitch miguel mikhail michel
| michelle shelly micki | mildred millie | miranda randy mandy | mitchell mitch | nancy nan | natalie nat | natasha
tasha | nathan nat nate | nathaniel nat nate nathan | nicholas nick nicky nico nikolai nicolas | nicole nicky nikki |
nora norah | norman norm | oliver ollie | olivia liv livvy | oscar ozzie | pamela pam | patricia pat patty tricia
trish patsy | patrick pat paddy rick | paul pauly pablo pavel | pauline polly | penelope penny | peter pete pedro petr
pierre | philip phil phillip pip | phyllis phyl | priscilla cilla | rachel rae | randall randy rand | randolph randy |
raymond ray | rebecca becky becca | regina gina | reginald reg reggie | richard rick dick rich richie ricky ricardo |
robert bob rob bobby robbie bert roberto robin | roberta bobbie roderick rod | rodney rod | roger rodge | roland
rollie | ronald ron ronnie ronny | rosemary rose rosie | roxanne roxy | rudolph rudy | russell russ | ruth ruthie |
samantha sam sammy | samuel sam sammy | sandra sandy | sarah sally sara sadie | scott scotty | sebastian seb bastian |
sharon shari | sheila shelia | shirley shirl | sidney sid syd sydney | simon si | solomon sol | sophia sophie sofia |
stanley stan | stella stel | stephanie steph stephen steve stevie steven stefan esteban | stuart stu stewart | susan
sue susie suzy susanna suzanne susannah | sylvester sly | sylvia syl | tabitha tabby | terence terry terrance | teresa
terry tess theresa tessa | theodore ted teddy theo | thomas tom tommy tomas | timothy tim timmy | tobias toby | tracy
trace tracey | ursula ursi | valerie val | vanessa nessa | veronica ronnie vera | victor vic viktor | victoria vicky
tori vicki | vincent vince vinny | violet vi | virginia ginny ginger | vivian viv | wallace wally | walter walt wally
| wendy wen | wesley wes | wilfred wilf fred | wilhelmina mina billie | william will bill billy willie willy liam
guillermo wilhelm guillaume | winifred winnie freddie | winston win | zachary zach zack zak | zoe zo
"""

ROOTS: dict[str, str] = {}
"""Of each form the name it is taken for; of a form of several names (`chris`), the first of them."""

for _group in _GROUPS.split("|"):
    _forms = _group.split()
    for _form in _forms:
        ROOTS.setdefault(_form, ROOTS.get(_forms[0], _forms[0]))
