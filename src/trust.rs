//! Whom this program trusts when it speaks TLS as a client, where an operator says so: authorities of his own instead of the
//! usual ones.

use ureq::tls::{PemItem, RootCerts, parse_pem};

/// The authorities in a PEM file; `None` when it cannot be read or holds no certificate. Whoever asks names the file and the
/// setting in an error of his own.
pub fn authorities(file: &str) -> Option<RootCerts> {
    let pem = std::fs::read(file).ok()?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let Ok(PemItem::Certificate(certificate)) = item {
            certificates.push(certificate);
        }
    }
    (!certificates.is_empty()).then(|| RootCerts::new_with_certs(&certificates))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_gives_no_authority() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("authorities.pem");
        assert!(authorities(file.to_str().unwrap()).is_none(), "it is not there");
        std::fs::write(&file, "no certificate\n").unwrap();
        assert!(authorities(file.to_str().unwrap()).is_none());
    }
}
