use super::*;

/// Two files, removed when dropped.
struct Files(TlsFiles);

impl Files {
    fn with(cert: &str, key: &str) -> Self {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = |what| std::env::temp_dir().join(format!("convene-tls-{}-{number}.{what}", std::process::id()));
        let files = Self(TlsFiles { cert: path("cert"), key: path("key") });
        files.write(cert, key);
        files
    }

    fn write(&self, cert: &str, key: &str) {
        std::fs::write(&self.0.cert, cert).unwrap();
        std::fs::write(&self.0.key, key).unwrap();
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0.cert);
        let _ = std::fs::remove_file(&self.0.key);
    }
}

/// A certificate for localhost.
pub(crate) fn fixed() -> Certificate {
    let (cert, key) = pair();
    let chain = vec![CertificateDer::from_pem_slice(cert.as_bytes()).unwrap()];
    Certificate::fixed(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap()).unwrap()
}

fn pair() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

#[test]
fn a_changed_certificate_is_reloaded_and_a_broken_one_is_not() {
    let (cert, key) = pair();
    let files = Files::with(&cert, &key);
    let certificate = Certificate::from_files(files.0.clone()).unwrap();
    let first = certificate.leaf();
    certificate.reload();
    assert_eq!(certificate.leaf(), first);
    let (cert, key) = pair();
    files.write(&cert, &key);
    certificate.reload();
    let second = certificate.leaf();
    assert_ne!(second, first);
    files.write(&cert[..cert.len() / 2], &key);
    certificate.reload();
    assert_eq!(certificate.leaf(), second);
}

#[test]
fn problems_with_the_files_are_named() {
    let ((cert, key), (_, other_key)) = (pair(), pair());
    let cases = [
        ("", &*key, "it is empty"),
        ("not PEM", &key, "it is empty"),
        (&cert, "", "contains no valid private key"),
        (&cert, &cert, "contains no valid private key"),
        (&cert, &other_key, "could not use the certificate"),
    ];
    for (cert, key, expected) in cases {
        let files = Files::with(cert, key);
        let error = Certificate::from_files(files.0.clone()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let nowhere = TlsFiles { cert: "/no/such/cert.pem".into(), key: "/no/such/key.pem".into() };
    let error = Certificate::from_files(nowhere).unwrap_err().to_string();
    assert_eq!(error, r#"could not read "/no/such/cert.pem""#);
}
