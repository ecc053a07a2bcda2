//! Addresses with places for values: `https://host/stock/{produit}?ville={ville}`.

use std::fmt::Write as _;

use crate::lookup::Parameters;

/// An address, checked: `http` or `https`, a host without places, then pieces and places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    /// `https://host:8443`
    origin: String,
    /// Segments between the slashes.
    path: Vec<Vec<Piece>>,
    /// After the question mark.
    query: Option<Vec<Piece>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(String),
}

impl Template {
    pub(super) fn parse(url: &str) -> Result<Self, &'static str> {
        let (origin, rest) = split_origin(url).ok_or("its address must begin with http:// or https://")?;
        if origin.contains(['{', '}']) {
            return Err("a value cannot be part of the host");
        }
        if origin.contains('@') {
            return Err("names and passwords go into a header, not into the address");
        }
        if rest.contains('#') || rest.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("its address holds a # or a space");
        }
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        Ok(Self {
            origin: origin.to_owned(),
            path: path.split('/').skip(1).map(pieces).collect::<Result<_, _>>()?,
            query: query.map(pieces).transpose()?,
        })
    }

    /// Scheme and host, with the port where there is one.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// The address with the values, percent-encoded. A value that is missing is empty in the query; in the path, where it
    /// would name another resource, and for `..`, its name is the error.
    pub(super) fn fill(&self, values: &Parameters) -> Result<String, &str> {
        let mut url = self.origin.clone();
        for segment in &self.path {
            url.push('/');
            let from = url.len();
            push(&mut url, segment, values);
            let place = segment.iter().find_map(|piece| match piece {
                Piece::Value(name) => Some(name.as_str()),
                Piece::Text(_) => None,
            });
            let has_empty = segment.iter().any(
                |piece| matches!(piece, Piece::Value(name) if values.get(name).is_none_or(|v| v.reveal().is_empty())),
            );
            if let Some(name) = place
                && (has_empty || [".", ".."].contains(&&url[from..]))
            {
                return Err(name);
            }
        }
        if let Some(query) = &self.query {
            url.push('?');
            push(&mut url, query, values);
        }
        Ok(url)
    }
}

fn push(url: &mut String, pieces: &[Piece], values: &Parameters) {
    for piece in pieces {
        match piece {
            Piece::Text(text) => url.push_str(text),
            Piece::Value(name) => {
                if let Some(value) = values.get(name) {
                    percent_encode(url, value.reveal());
                }
            }
        }
    }
}

/// All but the unreserved characters of RFC 3986: what is left can end no segment and no parameter.
fn percent_encode(url: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(url, "%{byte:02X}");
        }
    }
}

fn pieces(text: &str) -> Result<Vec<Piece>, &'static str> {
    const BRACES: &str = "the braces of its address do not pair up";
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(open);
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        let (name, after) = from.strip_prefix('{').and_then(|inside| inside.split_once('}')).ok_or(BRACES)?;
        if name.is_empty() || name.contains('{') {
            return Err(BRACES);
        }
        pieces.push(Piece::Value(name.to_owned()));
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Ok(pieces)
}

/// `https://host:8443` and the rest from the first `/` or `?` on.
fn split_origin(url: &str) -> Option<(&str, &str)> {
    let (scheme, after) = url.split_once("://")?;
    if !["http", "https"].contains(&scheme) {
        return None;
    }
    let host = after.find(['/', '?', '#', '\\']).unwrap_or(after.len());
    (host > 0).then(|| url.split_at(scheme.len() + 3 + host))
}

/// Where `location` leads from `url`, if that is the same host: another would be sent the headers and the value. From
/// `http` to `https` is allowed, back is not.
pub(super) fn follow(url: &str, location: &str) -> Option<String> {
    let (origin, _) = split_origin(url)?;
    // Programs differ in what they take a backslash for, and with it in what the host is.
    if location.contains('\\') {
        return None;
    }
    if location.starts_with('/') && !location.starts_with("//") {
        return Some(format!("{origin}{location}"));
    }
    let (target, _) = split_origin(location)?;
    let (scheme, host) = origin.split_once("://")?;
    let (target_scheme, target_host) = target.split_once("://")?;
    let is_allowed =
        host.eq_ignore_ascii_case(target_host) && (target_scheme == scheme || target_scheme == "https");
    is_allowed.then(|| location.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(pairs: &[(&str, &str)]) -> Parameters {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect()
    }

    #[test]
    fn values_go_into_path_and_query() {
        let template = Template::parse("https://h:8443/stock/{produit}/v{n}.json?ville={ville}&x=1").unwrap();
        let filled = template.fill(&values(&[("produit", "A/é ?#&"), ("n", "2")]));
        assert_eq!(filled.unwrap(), "https://h:8443/stock/A%2F%C3%A9%20%3F%23%26/v2.json?ville=&x=1");
        assert_eq!(Template::parse("http://h").unwrap().fill(&values(&[])).unwrap(), "http://h");
        assert_eq!(
            Template::parse("http://h?q={q}").unwrap().fill(&values(&[("q", "=")])).unwrap(),
            "http://h?q=%3D"
        );
    }

    #[test]
    fn a_value_cannot_name_another_resource() {
        let template = Template::parse("http://h/a/{x}/b").unwrap();
        for value in ["", ".", ".."] {
            assert_eq!(template.fill(&values(&[("x", value)])), Err("x"), "{value}");
        }
        assert_eq!(template.fill(&values(&[])), Err("x"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for url in [
            "ftp://h/",
            "file:///etc/passwd",
            "h/x",
            "http://",
            "http://{h}/",
            "http://u:p@h/",
            "http://h/#x",
            "http://h/{",
            "http://h/{}",
            "http://h/{a{b}",
            "http://h/a b",
        ] {
            assert!(Template::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn only_the_same_host_is_followed() {
        let url = "http://h:80/a?b";
        assert_eq!(follow(url, "/c").as_deref(), Some("http://h:80/c"));
        assert_eq!(follow(url, "http://H:80/c").as_deref(), Some("http://H:80/c"));
        assert_eq!(follow(url, "https://h:80/c").as_deref(), Some("https://h:80/c"));
        for elsewhere in [
            "http://other/",
            "//other/",
            "/\\other/",
            "http://h:80@other/",
            "http://h:80\\@other/",
            "http://h:81/",
            "ftp://h:80/",
            "c",
        ] {
            assert_eq!(follow(url, elsewhere), None, "{elsewhere}");
        }
        assert_eq!(follow("https://h/", "http://h/"), None);
    }

    proptest! {
        #[test]
        fn no_value_changes_the_shape_of_the_address(value in any::<String>()) {
            let template = Template::parse("http://h/a/{x}/b?q={x}&r=1").unwrap();
            if let Ok(url) = template.fill(&values(&[("x", &value)])) {
                prop_assert_eq!(url.matches('/').count(), 5);
                prop_assert_eq!(url.matches('?').count(), 1);
                prop_assert_eq!(url.matches('&').count(), 1);
                prop_assert!(url.is_ascii() && !url.contains(['#', ' ', '\\', '@']));
            }
        }
    }
}
