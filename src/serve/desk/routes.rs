//! Whose calls are wanted.

use crate::serve::error::ApiError;

/// Most routes that one page may name.
const ROUTES_MAX: usize = 32;

/// Routes by their ids; none for all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routes(Vec<String>);

impl Routes {
    /// From `?route=facturation&route=sav`, also `?route=facturation,sav`. `lang` belongs to the page.
    ///
    /// # Errors
    /// [`ApiError::Parameter`] for anything else.
    pub fn from_query(query: &[(String, String)]) -> Result<Self, ApiError> {
        let mut routes = Vec::new();
        for (name, value) in query {
            match name.as_str() {
                "route" => {
                    let named = value.split(',').map(str::trim).filter(|route| !route.is_empty());
                    routes.extend(named.map(str::to_owned));
                }
                "lang" => {}
                _ => {
                    return Err(ApiError::parameter(
                        name.clone(),
                        format!("`{name}` is not supported, only route"),
                    ));
                }
            }
        }
        if routes.len() > ROUTES_MAX {
            return Err(ApiError::parameter("route", format!("at most {ROUTES_MAX} routes at once")));
        }
        Ok(Self(routes))
    }

    /// Whether calls of this route are wanted.
    pub fn include(&self, route: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|wanted| wanted == route)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_named_one_by_one_or_in_a_list() {
        let query = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            Routes::from_query(&pairs)
        };
        let two = query(&[("route", "facturation, sav"), ("lang", "nl"), ("route", "")]).unwrap();
        assert!(two.include("facturation") && two.include("sav") && !two.include("ventes"));
        assert!(query(&[]).unwrap().include("ventes"));
        assert_eq!(query(&[("team", "x")]).unwrap_err().parameter_name(), Some("team"));
        assert!(query(&[("route", "a,".repeat(33).as_str())]).is_err());
    }
}
