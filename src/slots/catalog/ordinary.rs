//! Words that stand in every sentence, and are no piece of a name by themselves.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::call::Language;

const FRENCH: &str = "a ai aie ainsi alors apres as assez au aucun aussi autre autres aux avant avec avez avoir avons \
    beaucoup bien bon bonjour bonne bonsoir ca car ce ceci cela celle celui ces cet cette chaque chez ci combien comme \
    comment compte contre d dans de deja depuis des deux dire dit dois doit donc du elle elles en encore entre es est et \
    etait ete etes etre euh eu fait faire faites faut fois fut hier ici il ils j jamais je jour juste l la le les leur lieu \
    lui ma madame mais mal me meme merci mes mettre mieux moi moins mon monsieur n ne ni non nos notre nous on ont ou ouais \
    oui par parce pas personne peu peut peux plus plutot point pour pourquoi pourrais pouvez prendre pres puis qu quand que \
    quel quelle quelles quelqu'un quels qui quoi rien s sa sais sans savoir se sera ses si soit son sont sous suis sur t ta \
    tard te tel temps tes toi ton tous tout toute toutes tres trop tu un une va vais vers veut veux voila voir vos votre \
    voudrais voulais vous vraiment vu y disponible commande produit pharmacie boite boites prix stock numero nom facture";

const ENGLISH: &str = "a about after again all also am an and any are as ask at available be because been before being \
    but by call can can't could day did do does doesn't doing don't down each even every few for from get give go going \
    good got had has have he hello help her here hi him his how i i'd i'm if in into is isn't it it's its just know last \
    like look lot make many me mean might more most much must my need never new next no not now of off ok okay old on one \
    only or order other our out over own please price product put really right said same say see she should so some soon \
    sorry still stock such sure take tell than thank thanks that that's the their them then there these they thing think \
    this those time to today too two under up us use very want was way we well were what what's when where which while who \
    why will with won't would yes yet you your";

const DUTCH: &str = "aan af al alle alleen als alstublieft altijd andere ben beschikbaar bestelling bij bijna blijven dag \
    dan dank dat de deze die dit doe doen door dus echt een eens eerst elke en er even gaan gaat ga geen geeft gewoon goed \
    goedemiddag goedemorgen graag haar had hallo heb hebben hebt heeft heel hem het hier hij hoe hoeveel hun ik in is ja je \
    jij jullie kan komen komt kun kunnen laat maar maken me meer meneer mevrouw met mij mijn misschien moet moeten mogen na \
    naar nee niet niets nog nu of ok om omdat onder ons ook op over prijs product sinds 's 't te tegen toch toen tot uit u uw \
    van vanaf veel vind voor waar waarom was wat we weer weet wel welke werd weten wie wij wil willen worden wordt zal ze \
    zeer zeggen zei zelf zich zie zij zijn zo zonder zou zult";

static WORDS: LazyLock<[HashSet<&'static str>; 3]> =
    LazyLock::new(|| [FRENCH, ENGLISH, DUTCH].map(|list| list.split_whitespace().collect()));

/// Whether the folded word is one of those.
pub(super) fn is_function_word(folded: &str, language: Language) -> bool {
    WORDS[super::language_place(language)].contains(folded)
}
