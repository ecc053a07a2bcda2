//! The words of the pages, in every language of the product, and the templates that they are put into.

use axum::http::{HeaderMap, header};

use crate::call::Language;

/// Name of a word, then French, English, Dutch.
const TABLE: &[(&str, [&str; 3])] = &[
    ("lang", ["fr", "en", "nl"]),
    ("title", ["Appels en direct", "Live calls", "Lopende gesprekken"]),
    ("all_teams", ["Toutes les équipes", "All teams", "Alle teams"]),
    ("waiting", ["En attente", "Waiting", "In de wacht"]),
    ("current", ["En conversation", "In conversation", "In gesprek"]),
    ("ended", ["Transféré", "Transferred", "Doorverbonden"]),
    ("connecting", ["Connexion…", "Connecting…", "Verbinden…"]),
    ("live", ["En direct", "Live", "Live"]),
    (
        "lost",
        [
            "Connexion perdue, nouvel essai…",
            "Connection lost, trying again…",
            "Verbinding verbroken, nieuwe poging…",
        ],
    ),
    ("no_waiting", ["Personne n'attend.", "Nobody is waiting.", "Er wacht niemand."]),
    (
        "no_waiting_hint",
        [
            "Un appel transféré à l'équipe s'affiche ici avant que vous ne décrochiez.",
            "A call that is handed to the team shows here before you pick up.",
            "Een gesprek voor het team verschijnt hier voordat u opneemt.",
        ],
    ),
    (
        "no_current",
        ["Aucune conversation en cours.", "No conversation at the moment.", "Geen lopend gesprek."],
    ),
    ("new_call", ["Nouvel appel", "New call", "Nieuw gesprek"]),
    ("waits_since", ["Temps d'attente", "Waiting time", "Wachttijd"]),
    ("words", ["Dans ses mots", "In the caller's words", "In eigen woorden"]),
    ("intent", ["Motif", "Reason", "Reden"]),
    ("no_intent", ["Motif inconnu", "Reason not known", "Reden onbekend"]),
    ("certain", ["Certitude", "Certainty", "Zekerheid"]),
    ("also", ["Aussi", "Also", "Ook"]),
    ("customer", ["Client", "Customer", "Klant"]),
    ("document", ["Document concerné", "Document in question", "Betreffend document"]),
    ("slots", ["Déjà demandé", "Already asked", "Al gevraagd"]),
    ("steps", ["Marche à suivre", "What to do", "Wat te doen"]),
    ("transcript", ["Conversation", "Conversation", "Gesprek"]),
    ("nothing_said", ["Rien n'a encore été dit.", "Nothing has been said yet.", "Er is nog niets gezegd."]),
    ("unknown", ["Appelant inconnu", "Unknown caller", "Onbekende beller"]),
    ("hidden_number", ["Numéro masqué", "Number withheld", "Anoniem nummer"]),
    ("on_line", ["en ligne depuis", "on the line for", "aan de lijn sinds"]),
    ("by_caller", ["Client", "Caller", "Klant"]),
    ("by_agent", ["Conseiller", "Agent", "Medewerker"]),
    ("by_bot", ["Allo", "Allo", "Allo"]),
    ("by_other", ["Voix", "Voice", "Stem"]),
    ("skip", ["Aller aux appels", "Go to the calls", "Naar de gesprekken"]),
    (
        "needs_script",
        [
            "Cette page a besoin de JavaScript.",
            "This page needs JavaScript.",
            "Deze pagina heeft JavaScript nodig.",
        ],
    ),
    ("sign_in", ["Se connecter", "Sign in", "Aanmelden"]),
    ("sign_out", ["Se déconnecter", "Sign out", "Afmelden"]),
    ("key", ["Clé d'accès", "Access key", "Toegangssleutel"]),
    (
        "key_hint",
        [
            "Votre administrateur vous l'a donnée. Elle n'est pas conservée dans ce navigateur.",
            "Your administrator gave it to you. It is not kept in this browser.",
            "U kreeg hem van uw beheerder. Hij wordt niet in deze browser bewaard.",
        ],
    ),
    (
        "wrong_key",
        [
            "Cette clé n'ouvre pas cette page.",
            "This key does not open this page.",
            "Deze sleutel geeft geen toegang tot deze pagina.",
        ],
    ),
];

/// The words of one language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    column: usize,
}

impl Words {
    /// Those of a language.
    pub const fn of(language: Language) -> Self {
        let column = match language {
            Language::Fr => 0,
            Language::En => 1,
            Language::Nl => 2,
        };
        Self { column }
    }

    /// Puts `values` and words into the places `{{name}}` of a template, as text.
    pub fn fill(self, template: &str, values: &[(&str, &str)]) -> String {
        let mut html = String::with_capacity(template.len() * 2);
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("{{") {
            html.push_str(before);
            let (name, after) = after.split_once("}}").expect("every place in a template is closed");
            let value = values.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
            escape(
                &mut html,
                value.or_else(|| self.word(name)).expect("templates name words that there are"),
            );
            rest = after;
        }
        html.push_str(rest);
        html
    }

    fn word(self, name: &str) -> Option<&'static str> {
        TABLE.iter().find(|(known, _)| *known == name).map(|(_, words)| words[self.column])
    }
}

fn escape(html: &mut String, text: &str) {
    for sign in text.chars() {
        match sign {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
}

/// The language of a page: `?lang=`, else the one that the browser likes best, else French.
pub fn language(query: &[(String, String)], headers: &HeaderMap) -> Language {
    let asked = query.iter().rev().find(|(name, _)| name == "lang").and_then(|(_, code)| code.parse().ok());
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    asked.or_else(|| liked_best(accepted?)).unwrap_or(Language::Fr)
}

fn liked_best(accepted: &str) -> Option<Language> {
    let one = |range: &str| {
        let mut parts = range.split(';').map(str::trim);
        let language = parts.next()?.parse::<Language>().ok()?;
        let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
        (weight > 0.0).then_some((language, weight))
    };
    // The first of equals: `max_by` would take the last.
    let better = |best: (Language, f32), next: (Language, f32)| if next.1 > best.1 { next } else { best };
    accepted.split(',').filter_map(one).reduce(better).map(|(language, _)| language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_into_a_template_is_text() {
        let filled =
            Words::of(Language::Nl).fill("<a b=\"{{x}}\">{{current}}</a>", &[("x", "\"><script>'&")]);
        assert_eq!(filled, "<a b=\"&quot;&gt;&lt;script&gt;&#39;&amp;\">In gesprek</a>");
    }

    #[test]
    fn every_word_is_used_and_there_in_every_language() {
        let templates = [include_str!("pages/live.html"), include_str!("pages/sign_in.html")].concat();
        for (name, words) in TABLE {
            assert!(templates.contains(&format!("{{{{{name}}}}}")), "{name} is used nowhere");
            assert!(words.iter().all(|word| !word.is_empty()), "{name}");
        }
        for language in Language::ALL {
            let values = [("query", ""), ("may_leave", ""), ("wrong", "")];
            assert!(!Words::of(language).fill(&templates, &values).contains("{{"));
        }
    }

    #[test]
    fn the_language_is_the_one_asked_for_else_the_one_liked_best() {
        let language = |lang: Option<&str>, accepted: &str| {
            let query: Vec<_> = lang.map(|code| ("lang".to_owned(), code.to_owned())).into_iter().collect();
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, accepted.parse().unwrap());
            super::language(&query, &headers)
        };
        assert_eq!(language(Some("nl"), "en"), Language::Nl);
        assert_eq!(language(Some("xx"), "de, en-GB;q=0.8, nl;q=0.9"), Language::Nl);
        assert_eq!(language(None, "nl-BE, fr;q=0.9"), Language::Nl);
        assert_eq!(language(None, "en, nl"), Language::En);
        assert_eq!(language(None, "de, en;q=0"), Language::Fr);
    }
}
