//! A service of the customer that answers a GET with JSON.
//!
//! Each request has a thread of the runtime's blocking pool, at most four at once and none longer than the time-out. The
//! proxy variables of the environment (`HTTPS_PROXY`, `NO_PROXY`, …) are honoured.

mod address;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Semaphore;
use ureq::Agent;
use ureq::http::{HeaderName, HeaderValue, Response};
use ureq::tls::TlsConfig;

use self::address::Template;
use super::cell::{bounded, cell, no_value, values_of};
use super::pool::CONNECTIONS_MAX;
use super::{Common, Error, Question};
use crate::dialog::Row;
use crate::redact::Redacted;
use crate::trust;

/// Bytes of an answer: a row is hundreds, a catalogue some hundred thousand.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Moves that are followed on the same host.
const REDIRECTS_MAX: u32 = 3;

pub(super) struct Service(Arc<Inner>);

struct Inner {
    common: Common,
    address: Template,
    headers: Vec<(HeaderName, HeaderValue)>,
    agent: Agent,
    places: Arc<Semaphore>,
}

impl Service {
    /// `certificates` is a PEM file of the authorities that are trusted instead of the usual ones.
    pub(super) fn new(
        common: Common,
        url: &str,
        headers: Vec<(String, Redacted<String>)>,
        certificates: Option<&str>,
    ) -> Result<Self, Error> {
        let address = Template::parse(url).map_err(|problem| common.address(problem))?;
        let headers =
            headers.iter().map(|(name, value)| header(&common, name, value)).collect::<Result<_, _>>()?;
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .accept("application/json")
            .user_agent(concat!("allo/", env!("CARGO_PKG_VERSION")))
            .max_idle_connections_per_host(CONNECTIONS_MAX)
            .timeout_global(Some(common.timeout));
        if let Some(file) = certificates {
            let roots = trust::authorities(file)
                .ok_or_else(|| common.address("SSL_CERT_FILE names no file with certificates"))?;
            config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        let (agent, places) = (config.build().into(), Arc::new(Semaphore::new(CONNECTIONS_MAX)));
        Ok(Self(Arc::new(Inner { common, address, headers, agent, places })))
    }

    pub(super) async fn ask(&self, question: Question) -> Result<Vec<Row>, Error> {
        self.on_a_thread(move |inner| inner.ask(&question)).await
    }

    /// Whether anything answers there: an address without its values may well be one that is refused.
    pub(super) async fn reach(&self) -> Result<(), Error> {
        self.on_a_thread(|inner| inner.get(inner.address.origin()).map(drop)).await
    }

    async fn on_a_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let inner = Arc::clone(&self.0);
        // Kept by the thread, so that requests that nobody waits for count as well. Never closed, so never an error.
        let place = Arc::clone(&inner.places).acquire_owned().await;
        let asking = tokio::task::spawn_blocking(move || {
            let result = work(&inner);
            drop(place);
            result
        });
        asking.await.unwrap_or_else(|_| Err(Error::BrokenOff { name: self.0.common.name.clone() }))
    }
}

impl Inner {
    fn ask(&self, question: &Question) -> Result<Vec<Row>, Error> {
        let filled = self.address.fill(&question.parameters);
        let mut url = filled.map_err(|parameter| Error::Parameter {
            name: self.common.name.clone(),
            parameter: parameter.to_owned(),
        })?;
        for _ in 0..=REDIRECTS_MAX {
            let response = self.get(&url)?;
            match response.status().as_u16() {
                200..=299 => {
                    let answer = self.json(response)?;
                    return self.rows(&answer, question);
                }
                404 => return Ok(Vec::new()),
                301 | 302 | 303 | 307 | 308 => {
                    let location = response.headers().get("location").and_then(|value| value.to_str().ok());
                    url = location
                        .and_then(|location| address::follow(&url, location))
                        .ok_or_else(|| self.redirected())?;
                }
                status => return Err(Error::Status { name: self.common.name.clone(), status }),
            }
        }
        Err(self.redirected())
    }

    fn redirected(&self) -> Error {
        Error::Redirected { name: self.common.name.clone() }
    }

    fn get(&self, url: &str) -> Result<Response<ureq::Body>, Error> {
        let mut request = self.agent.get(url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.call().map_err(|error| self.failed(&error))
    }

    fn json(&self, response: Response<ureq::Body>) -> Result<Value, Error> {
        let mut bytes = Vec::new();
        let limit = ANSWER_BYTES_MAX as u64 + 1;
        let read = response.into_body().into_reader().take(limit).read_to_end(&mut bytes);
        read.map_err(|error| self.failed_to_read(&error))?;
        if bytes.len() > ANSWER_BYTES_MAX {
            let name = self.common.name.clone();
            return Err(Error::TooLarge { name, limit_bytes: ANSWER_BYTES_MAX });
        }
        serde_json::from_slice(&bytes).map_err(|_| self.not_json())
    }

    fn rows(&self, answer: &Value, question: &Question) -> Result<Vec<Row>, Error> {
        if question.columns.is_empty() {
            return self.objects(answer, question.rows_max);
        }
        Ok(self.picked(answer, &question.columns)?.into_iter().take(question.rows_max).collect())
    }

    /// The row of the columns' pointers; `None` when they all lead nowhere.
    fn picked(&self, answer: &Value, columns: &BTreeMap<String, String>) -> Result<Option<Row>, Error> {
        if columns.values().all(|pointer| answer.pointer(pointer).is_none()) {
            return Ok(None);
        }
        let mut row = Row::new();
        for (column, pointer) in columns {
            let value = answer.pointer(pointer).unwrap_or(&Value::Null);
            row.insert(column.clone(), cell(value).ok_or_else(|| no_value(&self.common.name, column))?);
        }
        bounded(&self.common.name, row).map(Some)
    }

    /// A list of objects, or one.
    fn objects(&self, answer: &Value, rows_max: usize) -> Result<Vec<Row>, Error> {
        let objects = match answer {
            Value::Array(objects) => objects.as_slice(),
            Value::Object(_) => std::slice::from_ref(answer),
            Value::Null => &[],
            Value::Bool(_) | Value::Number(_) | Value::String(_) => return Err(self.not_json()),
        };
        let row =
            |object: &Value| values_of(&self.common.name, object.as_object().ok_or_else(|| self.not_json())?);
        objects.iter().take(rows_max).map(row).collect()
    }

    fn not_json(&self) -> Error {
        Error::NotJson { name: self.common.name.clone() }
    }

    fn timed_out(&self) -> Error {
        Error::TimedOut { name: self.common.name.clone(), limit: self.common.timeout }
    }

    /// The client's own words may hold the address, and that a value: only their kind is told.
    fn failed(&self, error: &ureq::Error) -> Error {
        use ureq::Error as Client;
        if let Client::Io(error) = error {
            return self.failed_to_read(error);
        }
        if matches!(error, Client::Timeout(_)) {
            return self.timed_out();
        }
        let is_tls = matches!(error, Client::Tls(_) | Client::Rustls(_) | Client::Pem(_));
        self.common.unreachable(if is_tls {
            "no TLS connection; is its certificate one that is trusted here?"
        } else if matches!(error, Client::HostNotFound) {
            "its host name is not known"
        } else if matches!(error, Client::ConnectionFailed | Client::InvalidProxyUrl) {
            "no connection"
        } else {
            "it does not speak HTTP"
        })
    }

    fn failed_to_read(&self, error: &std::io::Error) -> Error {
        if error.kind() == std::io::ErrorKind::TimedOut {
            return self.timed_out();
        }
        self.common.unreachable(error.kind().to_string())
    }
}

fn header(common: &Common, name: &str, value: &Redacted<String>) -> Result<(HeaderName, HeaderValue), Error> {
    let name = HeaderName::try_from(name).map_err(|_| common.address("a header has an impossible name"))?;
    let value = HeaderValue::try_from(value.reveal().as_str());
    let mut value = value.map_err(|_| common.address("a header has an impossible value"))?;
    value.set_sensitive(true);
    Ok((name, value))
}
