//! The signaling messages: requests and notifications of clients, and the answers, requests and notifications of the media pod.
//!
//! Both generations of the mediasoup-demo protocol are served at the same time: requests are accepted in both spellings, answers carry
//! both ("superset answers"), and older clients ignore the fields that they do not know. RTP, ICE, DTLS and SCTP parameters stay JSON
//! in the form of mediasoup and mediasoup-client. It never acts on a message.

pub mod bounds;
mod payload;
mod read;
mod request;
mod server;

pub use payload::*;
pub use read::{MAX_CHAT_TEXT, RequestError, clean_chat_text};
pub use request::{ClientRequest, Form, RequestInfo, Sender};
pub use server::{ServerNotification, ServerRequest};
