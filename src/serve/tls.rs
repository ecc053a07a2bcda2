//! Certificate and key for HTTPS.
//!
//! The crypto provider is named here and nowhere taken from the process: a second one in the tree (another crate's
//! default) would make rustls panic at the first handshake.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::config::TlsFiles;

/// Why HTTPS cannot be served. Nothing listens.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("cannot read the {what} `{}`\nhint: see `certificate` and `key` in section [serve.tls]", path.display())]
    Read {
        /// Certificate or private key.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// A file holds nothing of what it should.
    #[error("`{}` holds no {what} in PEM form\nhint: it should have a line `-----BEGIN {begin}-----`", path.display())]
    Nothing {
        /// Certificate or private key.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the line says.
        begin: &'static str,
    },
    /// The two do not belong together, or cannot be used.
    #[error("the certificate `{}` and the key `{}` cannot be used together", certificate.display(), key.display())]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
}

/// Reads both files.
///
/// # Errors
/// [`Error`] names the file.
pub fn load(files: &TlsFiles) -> Result<Arc<ServerConfig>, Error> {
    let certificates = certificates(&files.certificate)?;
    let key = private_key(&files.key)?;
    let unusable =
        |source| Error::Unusable { certificate: files.certificate.clone(), key: files.key.clone(), source };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    const WHAT: &str = "certificate";
    let read = |source| Error::Read { what: WHAT, path: path.into(), source };
    let certificates: Vec<_> =
        CertificateDer::pem_file_iter(path).map_err(read)?.collect::<Result<_, _>>().map_err(read)?;
    if certificates.is_empty() {
        return Err(Error::Nothing { what: WHAT, path: path.into(), begin: "CERTIFICATE" });
    }
    Ok(certificates)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    const WHAT: &str = "private key";
    match PrivateKeyDer::from_pem_file(path) {
        Ok(key) => Ok(key),
        Err(pem::Error::NoItemsFound) => {
            Err(Error::Nothing { what: WHAT, path: path.into(), begin: "PRIVATE KEY" })
        }
        Err(source) => Err(Error::Read { what: WHAT, path: path.into(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_missing_or_holds_something_else_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let files =
            TlsFiles { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
        let error = load(&files).unwrap_err().to_string();
        assert!(error.contains("cannot read the certificate") && error.contains("cert.pem"), "{error}");
        std::fs::write(&files.certificate, "no PEM").unwrap();
        let error = load(&files).unwrap_err().to_string();
        assert!(error.contains("cert.pem` holds no certificate"), "{error}");
        let empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        std::fs::write(&files.certificate, empty).unwrap();
        std::fs::write(&files.key, empty).unwrap();
        let error = load(&files).unwrap_err().to_string();
        assert!(error.contains("key.pem` holds no private key"), "{error}");
    }
}
