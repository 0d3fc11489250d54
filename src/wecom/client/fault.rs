//! From an error of the HTTP library to the one question that counts: can the request have left?

use std::error::Error;
use std::io;

use rustls::CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};

use super::{Fault, Hidden};
use crate::wecom::outcome::{Unknown, Unreachable};

/// Sorts an error. The library's connect errors all come before the request is written; nothing else is taken for that.
pub(super) fn of(error: reqwest::Error, through_proxy: bool, hidden: &Hidden) -> Fault {
    // The URL holds the token.
    let error = error.without_url();
    let why = || hidden.scrub(chain(&error));
    if error.is_connect() {
        return Fault::Unreachable(match tls(&error) {
            Some(NotTrusted::Time) => Unreachable::CertificateTime(why()),
            Some(NotTrusted::Other) => Unreachable::Tls(why()),
            None if through_proxy => Unreachable::Proxy(why()),
            None if error.is_timeout() => Unreachable::Timeout,
            None if error.is_dns() => Unreachable::Name(why()),
            None => Unreachable::Connect(why()),
        });
    }
    if error.is_builder() {
        return Fault::Unreachable(Unreachable::Setup(why()));
    }
    Fault::Unknown(if error.is_timeout() { Unknown::Timeout } else { Unknown::Broken(why()) })
}

/// The error and its causes on one line.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        // Wrappers tend to repeat what they wrap.
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

enum NotTrusted {
    Time,
    Other,
}

fn tls(error: &dyn Error) -> Option<NotTrusted> {
    let mut cause = error.source();
    while let Some(error) = cause {
        match error.downcast_ref() {
            Some(rustls::Error::InvalidCertificate(
                NotValidYet | NotValidYetContext { .. } | Expired | ExpiredContext { .. },
            )) => return Some(NotTrusted::Time),
            Some(_) => return Some(NotTrusted::Other),
            None => {}
        }
        // An I/O error passes its content over when it is asked for its source, and here one wraps another.
        let content = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = content.map(|content| content as &dyn Error).or_else(|| error.source());
    }
    None
}
