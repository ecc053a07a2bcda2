//! The words and turns of phrase that the parts of a note look for, in French, English and Dutch together.
//!
//! They are written as they are said and folded once. Cues of one language do not occur by accident in another: those
//! that did were left out.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::sentences::{Spoken, SpokenWord, words};

/// Who may have said a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Caller,
    Agent,
}

/// Turns of phrase; a word ending in `*` stands for every word that begins so, a lone `*` for any one word.
#[derive(Debug)]
pub(super) struct Cues {
    phrases: Vec<Vec<String>>,
}

impl Cues {
    fn new(lines: &[&str]) -> Self {
        Self { phrases: lines.iter().flat_map(|line| line.split('|')).map(phrase).collect() }
    }

    /// Where the first cue stands among the words of the sentence.
    pub fn find(&self, sentence: &Spoken<'_>) -> Option<std::ops::Range<usize>> {
        (0..sentence.words.len()).find_map(|at| {
            let lengths = self.phrases.iter().filter_map(|phrase| cue_words(&sentence.words[at..], phrase));
            lengths.max().map(|length| at..at + length)
        })
    }

    pub fn is_in(&self, sentence: &Spoken<'_>) -> bool {
        self.find(sentence).is_some()
    }

    /// How many different cues stand in the sentence.
    pub fn count(&self, sentence: &Spoken<'_>) -> usize {
        let is_said = |phrase: &&Vec<String>| {
            (0..sentence.words.len()).any(|at| cue_words(&sentence.words[at..], phrase).is_some())
        };
        self.phrases.iter().filter(is_said).count()
    }
}

fn phrase(written: &str) -> Vec<String> {
    let word = |word: &str| {
        let beginning = if word.ends_with('*') { "*" } else { "" };
        let mut terms: Vec<String> = words(word, 0).into_iter().map(|word| word.term).collect();
        match terms.last_mut() {
            Some(last) => last.push_str(beginning),
            None => terms.push(beginning.to_owned()),
        }
        terms
    };
    written.split_whitespace().flat_map(word).collect()
}

/// Adverbs that slip into a turn of phrase: "vous allez aussi recevoir", "I'll also send", "u ontvangt dan nog".
const SLIPPED_IN: [&str; 13] = [
    "aussi",
    "egalement",
    "donc",
    "alors",
    "bien",
    "meme",
    "also",
    "just",
    "then",
    "ook",
    "nog",
    "dan",
    "even",
];

/// How many words the cue takes at the start of `words`; `None` when it does not stand there.
fn cue_words(words: &[SpokenWord], phrase: &[String]) -> Option<usize> {
    let mut at = 0;
    for (index, cue) in phrase.iter().enumerate() {
        let is_cue = |term: &str| match cue.strip_suffix('*') {
            Some(beginning) => term.starts_with(beginning),
            None => term == cue,
        };
        while index > 0
            && words
                .get(at)
                .is_some_and(|word| !is_cue(&word.term) && SLIPPED_IN.contains(&word.term.as_str()))
        {
            at += 1;
        }
        if !words.get(at).is_some_and(|word| is_cue(&word.term)) {
            return None;
        }
        at += 1;
    }
    Some(at)
}

macro_rules! cues {
    ($($(#[$doc:meta])* $name:ident: $($line:literal),+ $(,)?;)+) => {
        $($(#[$doc])* pub(super) static $name: LazyLock<Cues> = LazyLock::new(|| Cues::new(&[$($line),+]));)+
    };
}

cues! {
    /// What a caller says before the reason for the call.
    PURPOSE:
        "j'appelle pour|j'appelle parce|j'appelle car|j'appelle concernant|j'appelle au sujet|j'appelle suite",
        "vous appelle pour|vous appelle parce|vous appelle car|vous appelle concernant|vous appelle au sujet|vous appelle suite",
        "appelais pour|appelais parce|appelais concernant|vous contacte|vous contactais|c'est pour|c'est au sujet|c'est à propos|c'est concernant",
        "je voudrais|j'aurais voulu|je voulais|j'aimerais|je souhaite|je souhaiterais|je cherche à|j'ai besoin|je veux",
        "j'ai un problème|j'ai un souci|j'ai une question|j'ai reçu|j'ai perdu|j'ai un petit problème|j'ai un petit souci",
        "je n'arrive pas|je n'arrive plus|j'arrive pas|j'arrive plus|je n'ai plus|j'ai plus|je n'ai pas reçu|j'ai pas reçu|je ne peux plus|je ne comprends pas|je comprends pas",
        "ne marche plus|ne marche pas|marche plus|ne fonctionne plus|ne fonctionne pas|fonctionne plus|est en panne",
        "j'ai commandé|je n'ai toujours pas|je n'ai jamais|toujours pas|on m'a|j'ai été|je n'ai plus",
        "est-ce que vous pouvez|est-ce que vous pourriez|est-ce que je peux|est-ce que je pourrais|pouvez-vous|pourriez-vous|est-ce possible|serait-il possible",
        "i'm calling|i am calling|i was calling|calling about|calling because|i'd like|i would like|i want to|i wanted to|i need to|i need a|i need help",
        "i have a problem|i have a question|i have an issue|i'm having|i received|i got a|i lost|i've lost|i can't|i cannot|doesn't work|isn't working|not working|stopped working|can you|could you",
        "i ordered|i've ordered|i bought|i was charged|i've been|has not been|hasn't been|has not arrived|hasn't arrived|never arrived|still has not|still hasn't",
        "ik bel over|ik bel voor|ik bel omdat|ik bel in verband|ik bel u|ik wil graag|ik wil|ik wou|ik zou graag|ik wilde|ik heb een probleem|ik heb een vraag|ik heb een brief|ik heb een factuur",
        "het gaat over|het gaat om|ik kan niet|ik kan geen|ik krijg geen|werkt niet|doet het niet|kunt u|zou u|ik ben * kwijt|ik heb nog geen|ik heb * besteld|nog niet geleverd|nog steeds niet";
    /// Who speaks, not why.
    IDENTITY:
        "je m'appelle|mon nom est|je suis monsieur|je suis madame|c'est monsieur|c'est madame|madame *|monsieur *|mon numéro|numéro de client|numéro client|ma date de naissance|mon code postal|mon adresse est",
        "my name is|this is mr|this is mrs|this is ms|my account number|my customer number|my number is|my date of birth|my postcode|my zip code",
        "mijn naam is|ik heet|u spreekt met|met mevrouw|met meneer|mijn klantnummer|mijn nummer is|mijn geboortedatum|mijn postcode";
    /// How the company answers; on a shared channel this is not the caller.
    AGENT_OPENING:
        "que puis-je faire|en quoi puis-je|comment puis-je|à votre écoute|je vous écoute|à votre service|vous êtes bien chez|service client|quel est le motif|votre appel|votre conseiller|votre conseillère",
        "how can i help|how may i help|what can i do for you|thank you for calling|thanks for calling|you're through to|you are through to|this is * speaking|your call",
        "waarmee kan ik|hoe kan ik u|wat kan ik voor u|u bent verbonden|bedankt voor het bellen|welkom bij|uw gesprek|goedemorgen met|goedemiddag met";
    /// The first words of a call.
    GREETINGS:
        "bonjour|bonsoir|good morning|good afternoon|good evening|hello|goedemorgen|goedemiddag|goedenavond|goedendag";
    /// Who the caller is, asked; on a shared channel this is not the caller either.
    IDENTITY_ASKED:
        "votre numéro|votre nom|votre adresse|votre date de naissance|votre code postal|vos coordonnées|votre référence",
        "your customer number|your account number|your order number|your name|your address|your date of birth|your postcode|your zip code|the order number",
        "uw klantnummer|uw naam|uw adres|uw geboortedatum|uw postcode|uw ordernummer|uw rekeningnummer";
    /// Words that carry a contact-centre call.
    WEIGHTY:
        "problème*|souci*|panne*|erreur*|résili*|rembours*|rendez-vous|montant|factur*|prélev*|contrat*|abonnement*|réclam*|litige*|annul*|confirm*|commande*|livraison*|colis|sinistre*|technicien*|dossier*|délai*|échéan*|virement*|euros|urgent*|garantie*|offre*|tarif*|activ*|bloqu*",
        "problem*|issue|issues|cancel*|refund*|appointment*|amount*|invoice*|bill|bills|billed|charge*|contract*|subscription*|complain*|order*|deliver*|claim*|engineer*|pounds|dollars|warranty|confirm|blocked|activate*",
        "probleem|problemen|storing*|opzeg*|terugbetal*|terugbetaling*|afspraak|afspraken|bedrag*|factuur|facturen|rekening*|contract|klacht*|bestelling*|levering*|pakket*|monteur*|euro|garantie|bevestig*|geblokkeerd|schade*";
    /// When something is to happen.
    DATES:
        "demain|aujourd'hui|hier|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|janvier|février|avril|juin|juillet|août|septembre|octobre|novembre|décembre|semaine|semaines|jours",
        "tomorrow|today|yesterday|monday|tuesday|wednesday|thursday|friday|saturday|sunday|january|february|april|june|july|september|october|november|december|week|weeks|days",
        "morgen|vandaag|gisteren|maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag|januari|februari|juli|augustus|oktober|week|weken|dagen";
    /// What somebody binds themselves to.
    PROMISES:
        "je vous rappelle|je vous rappellerai|on vous rappelle|on vous rappellera|nous vous rappelons|nous vous rappellerons|vous serez rappelé|vous serez contacté|vous serez recontacté|va vous rappeler|va vous contacter|vous recontacte*|vous contactera|vous rappellera",
        "vous recevrez|vous allez recevoir|vous sera envoyé|vous sera remboursé|vous serez remboursé|vous serez crédité|sera remboursé*|sera crédité*|sera envoyé*|sera effectué*|sera traité*|sera annulé*|seront remboursé*|sera transmis*|sera livré*|sera réparé*|sera prêt*|sera déduit*|seront déduit*|seront crédité*|vous l'aurez|vous le recevrez|vous la recevrez|vous les recevrez|je vous préviens|je vous préviendrai|on vous prévient",
        "je vous envoie|je vous enverrai|je vais vous envoyer|on vous envoie|on va vous envoyer|nous vous envoyons|nous vous enverrons|nous allons vous envoyer|je vous fais parvenir|je vous transmets|je vais transmettre|je transmets",
        "je vais vérifier|on va vérifier|je vais me renseigner|je me renseigne|je reviens vers vous|nous reviendrons vers vous|nous revenons vers vous|on revient vers vous|on reviendra vers vous|je fais le nécessaire|on fait le nécessaire|je vais faire le nécessaire",
        "je vous rembourse|nous vous remboursons|on vous rembourse|nous allons vous rembourser|on va vous rembourser|je vais ouvrir|j'ouvre un dossier|je lance|je programme|je planifie|technicien passera|technicien va passer|technicien interviendra|technicien viendra|je vous tiens au courant|je vous tiens informé*|nous vous tiendrons",
        "i'll call you|i will call you|we'll call you|we will call you|call you back|i'll get back|we'll get back|we will get back|get back to you|you'll receive|you will receive|you'll get|you will get|we'll send|we will send|i'll send|i will send|i'm going to send|will be sent|will be refunded|will be credited|will be delivered|we'll refund|we will refund|i'll refund|i will refund",
        "i'll check|i will check|i'll look into|we'll look into|we will look into|i'll make sure|i'll arrange|we'll arrange|i'll open|i'll raise|will contact you|will be in touch|be in touch|will come by|will visit|will be with you|will arrive|i'll pass",
        "ik bel u terug|ik bel u * terug|ik bel u * * terug|u hoort * van|u hoort van|laat het uitzoeken|zoeken uit|zoeken het uit|wij bellen u|we bellen u|bel ik u terug|bellen wij u|bellen we u|u wordt teruggebeld|u wordt gebeld|wordt u gebeld|u ontvangt|ontvangt u|u krijgt|krijgt u|ik stuur|stuur ik|wij sturen|we sturen|sturen wij|sturen we|ik zal * sturen|wordt verstuurd|wordt teruggestort|wordt teruggestuurd|wordt terugbetaald|wij betalen|we betalen",
        "ik ga het na|ik zoek het uit|ik ga het uitzoeken|ik zal het nakijken|ik kijk het na|ik kom er|ik kom hierop terug|we komen erop terug|wij komen erop terug|ik geef het door|ik maak een|monteur komt|komt een monteur|komt de monteur|ik zal u|ik regel";
    /// By when: makes a promise of what could be said in passing.
    DEADLINES:
        "d'ici demain|d'ici|sous * heures|sous * jours|dans les * heures|dans les * jours|dans la journée|dans la semaine|avant la fin|au plus tard|dans un délai|dès demain|demain|la semaine prochaine|lundi|mardi|mercredi|jeudi|vendredi|samedi",
        "by tomorrow|within * hours|within * days|within * working|within the|by the end|by monday|by tuesday|by wednesday|by thursday|by friday|at the latest|tomorrow|next week|on monday|on tuesday|on wednesday|on thursday|on friday",
        "binnen * uur|binnen * dagen|binnen * werkdagen|uiterlijk|voor het einde|morgen|volgende week|maandag|dinsdag|woensdag|donderdag|vrijdag";
    /// Looks like a promise and is none: a reminder, or done while the caller waits.
    NO_PROMISES:
        "je vous rappelle que|je vous rappelle qu|nous vous rappelons que|nous vous rappelons qu|ne quittez pas|un instant|un petit instant|quelques instants|je vous mets en attente|patientez|je regarde|si vous recevez",
        "hold on|hold the line|one moment|just a moment|bear with me|let me check|put you on hold|thank you for waiting|did you receive|have you received",
        "een moment|een ogenblik|blijft u|moment alstublieft|ogenblikje|momentje|heeft u";
    /// The agent does not answer.
    NO_ANSWERS:
        "je ne sais pas|je sais pas|je n'ai pas l'information|je n'ai pas cette information|je n'ai pas la réponse|je ne peux pas vous dire|je ne peux pas vous répondre|je n'ai pas accès|je vais me renseigner|il faudrait que je",
        "i don't know|i'm not sure|i don't have that|i do not have that|i can't tell|i cannot tell|i'd have to check|i would have to check|i'll have to check|no idea",
        "ik weet het niet|dat weet ik niet|dat kan ik niet|weet ik helaas niet|dat zou ik moeten|dat moet ik navragen|geen idee";
    /// What announces a spoken summary by itself.
    RECAP:
        "si je résume|je résume|je vous résume|on résume|résumons|pour résumer|pour faire un résumé|en résumé|pour résumé|si je récapitule|je récapitule|je vous récapitule|on récapitule|récapitulons|pour récapituler|petit récapitulatif|faire un récapitulatif|un petit récap|faire le point|pour faire le point|pour synthétiser|en synthèse|si je reprends|je reprends tout|donc je reprends",
        "to sum up|to summarise|to summarize|let me summarise|let me summarize|i'll summarise|i'll summarize|in summary|to recap|let me recap|quick recap|i'll recap|just to go over|let me go over|let's go over|to go over what|let me run through|just to run through",
        "samenvattend|samengevat|om samen te vatten|even samenvatten|ik vat * samen|vat ik|ik vat het|dus samenvattend|om het samen te vatten|kort samengevat|ik herhaal * even|nog even op een rij|even op een rijtje|zet ik het even|even herhalen|om het te herhalen|korte samenvatting";
    /// What often begins a spoken summary, and often not.
    RECAP_WEAK:
        "donc je note|donc j'ai noté|alors j'ai noté|donc on a dit|donc on est d'accord|nous avons convenu|on a convenu|nous avons donc|on a donc|si je comprends bien|si j'ai bien compris|donc je vous confirme|je vous confirme donc|pour confirmer",
        "so just to confirm|just to confirm|to confirm|so we have agreed|we've agreed|so we agreed|so i've noted|so i have noted|so what we've|so if i understand|so what i've done",
        "dus als ik het goed begrijp|als ik het goed begrijp|dus ik heb|dus we spreken af|we hebben afgesproken|ik heb genoteerd|dus ik noteer|ter bevestiging|even bevestigen|dus dan";
    /// A request for a summary, not one.
    RECAP_ASKED:
        "pouvez-vous * résumer|pouvez-vous résumer|vous pouvez résumer|pouvez-vous récapituler|pourriez-vous|vous pouvez me résumer|résumez|can you|could you|would you|kunt u|zou u|wilt u";
    /// The caller agrees: what was summed up is right.
    CONFIRMED:
        "c'est ça|c'est bien ça|c'est exact|c'est correct|exactement|tout à fait|c'est bon",
        "that's correct|that is correct|that's right|that is right|exactly|correct",
        "klopt|dat klopt|precies|helemaal goed|dat is goed|dat is juist";
    /// The call ends here.
    CLOSING:
        "autre chose|d'autres questions|une autre question|bonne journée|bonne soirée|bonne fin|au revoir|bon week-end|bonne continuation|merci de votre appel|merci d'avoir appelé|je vous souhaite",
        "anything else|something else|any other questions|have a nice|have a good|have a great|goodbye|bye bye|thank you for calling|thanks for calling",
        "nog iets|verder nog|andere vragen|fijne dag|prettige dag|fijne avond|prettige avond|tot ziens|tot horens|bedankt voor het bellen|nog vragen";
}

/// Words that carry no meaning by themselves: function words, greetings, fillers, back-channels.
static EMPTY_WORDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    [
        "a ah ai aie alors allo allez apres as assez au aussi autre aux avais avait avant avec avez avoir avons bah beaucoup bel ben bien bon bonjour bonsoir c ca car ce cela celle celui ces cet cette ceux chez comme comment d dans de deja depuis des dire dis dit donc dont du elle elles en encore enfin entendu entre es est et etaient etais etait etc ete etes etre eu euh eux fait faire fais faut hein hum ici il ils j jamais je jusqu juste l la le les leur leurs lui m ma madame mademoiselle mais me meme merci mes moi moins mon monsieur n ne ni nos notre nous oh ok on ont ou ouais oui par parce pas pendant petit petite peu peut peux plait plus pour pourquoi pouvez pourriez puis qu quand que quel quelle quelque quelques quels qui quoi rien s sa sais sans se sera ses si soit sommes son sont sous suis sur t ta te tes toi ton tous tout toute toutes tres trop tu un une va vais vas vers veux veut vient voici voila voir vont vos votre voudrais vous vraiment y accord parfait exactement effectivement",
        "a about after all also am an and any are as at be because been before but by bye can can't come could did do does doing don't for from get go going good goodbye got had has have having he hello her hi him his how i i'd i'll i'm i've if in into is isn't it it's its just know like me mm morning more most much my no not now of off oh okay on only or other our out please really right say she should so some sorry such sure thank thanks that that's the their them then there there's these they thing this those to too uh uhm um up us very want was we we'll well we're were what what's when where which who why will with would yeah yes yep you you'd you'll you're your afternoon evening hey",
        "aan al alles als alstublieft ander bedankt ben bent bij daar dag dan dank dat de deze die dit doe doen door dus een eens eh en er even ga gaan gaat goed goedemiddag goedemorgen goedenavond goedendag graag haar had hallo heb hebben hebt heeft heel het hem hier hij hoe hoi hun iets ik in inderdaad is ja jaa je jij jou jouw kan klopt kom komt kunnen kunt maar meer met meneer mevrouw mij mijn moet moeten naar nee niet niets nog nou nu of om omdat ook op over prima s te tegen tot u uit uw van veel vind voor waar want waren was wat we weet wel welke wie wil willen wij worden wordt zal ze zei zich zij zijn zo zou zouden",
    ]
    .iter()
    .flat_map(|line| line.split(' '))
    .collect()
});

/// Whether a folded word carries meaning: no function word, more than one letter or a digit.
pub(super) fn is_content(term: &str) -> bool {
    let counts = term.len() >= 3 || term.bytes().any(|byte| byte.is_ascii_digit());
    counts && !EMPTY_WORDS.contains(term)
}

/// Numbers in words, as they stand in customer numbers, telephone numbers and dates of birth.
static NUMBER_WORDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    [
        "zero un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize vingt vingts trente quarante cinquante soixante septante nonante cent cents mille",
        "one two three four five seven eight nine oh double ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand",
        "nul een twee drie vier vijf zes zeven acht negen tien elf twaalf twintig dertig veertig vijftig zestig zeventig tachtig negentig honderd duizend",
    ]
    .iter()
    .flat_map(|line| line.split(' '))
    .collect()
});

fn is_number(term: &str) -> bool {
    NUMBER_WORDS.contains(term) || term.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether somebody reads a number out: three or more numbers, and at most one other word with meaning.
pub(super) fn is_number_reading(sentence: &Spoken<'_>) -> bool {
    let numbers = sentence.words.iter().filter(|word| is_number(&word.term)).count();
    numbers >= 3 && sentence.content().filter(|term| !is_number(term)).count() <= 1
}

/// Whether the sentence begins by taking note of what somebody else said; on a shared channel another one speaks.
pub(super) fn acknowledges(sentence: &Spoken<'_>) -> bool {
    let first =
        |length: usize| sentence.words.iter().take(length).map(|word| word.term.as_str()).collect::<Vec<_>>();
    matches!(first(2).as_slice(), ["d", "accord"] | ["tres", "bien"] | ["all", "right"])
        || matches!(
            first(1).as_slice(),
            ["oui"
                | "ok"
                | "okay"
                | "parfait"
                | "merci"
                | "yes"
                | "yeah"
                | "right"
                | "thanks"
                | "ja"
                | "prima"
                | "goed"]
        )
}

/// How many words a greeting at the start of the sentence takes: "Bonjour madame, alors voilà, …".
pub(super) fn greeting_words(sentence: &Spoken<'_>) -> usize {
    let greetings = [
        "bonjour",
        "bonsoir",
        "allo",
        "oui",
        "madame",
        "monsieur",
        "mademoiselle",
        "alors",
        "voila",
        "euh",
        "hello",
        "hi",
        "good",
        "morning",
        "afternoon",
        "evening",
        "yes",
        "yeah",
        "um",
        "uh",
        "hallo",
        "goedemorgen",
        "goedemiddag",
        "goedenavond",
        "goedendag",
        "ja",
        "dag",
        "mevrouw",
        "meneer",
        "eh",
        "bah",
        "ben",
        "hey",
        "okay",
        "ok",
    ];
    sentence.words.iter().take_while(|word| greetings.contains(&word.term.as_str())).count()
}
