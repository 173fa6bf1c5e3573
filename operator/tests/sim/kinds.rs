//! The kinds of objects that the simulated API server stores, and their paths.
//!
//! Pure. Other kinds are answered with 404.

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Meeting,
    MeetingBackup,
    MediaPool,
    Pod,
    Node,
    Namespace,
    Service,
    Secret,
    ConfigMap,
    Budget,
    Lease,
    Event,
}

impl Kind {
    pub(crate) const ALL: [Self; 12] = [
        Self::Meeting,
        Self::MeetingBackup,
        Self::MediaPool,
        Self::Pod,
        Self::Node,
        Self::Namespace,
        Self::Service,
        Self::Secret,
        Self::ConfigMap,
        Self::Budget,
        Self::Lease,
        Self::Event,
    ];

    /// `apiVersion`, plural and `kind`.
    const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Meeting => ("convene.dev/v1alpha1", "meetings", "Meeting"),
            Self::MeetingBackup => ("convene.dev/v1alpha1", "meetingbackups", "MeetingBackup"),
            Self::MediaPool => ("convene.dev/v1alpha1", "mediapools", "MediaPool"),
            Self::Pod => ("v1", "pods", "Pod"),
            Self::Node => ("v1", "nodes", "Node"),
            Self::Namespace => ("v1", "namespaces", "Namespace"),
            Self::Service => ("v1", "services", "Service"),
            Self::Secret => ("v1", "secrets", "Secret"),
            Self::ConfigMap => ("v1", "configmaps", "ConfigMap"),
            Self::Budget => ("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget"),
            Self::Lease => ("coordination.k8s.io/v1", "leases", "Lease"),
            Self::Event => ("events.k8s.io/v1", "events", "Event"),
        }
    }

    pub(crate) const fn api_version(self) -> &'static str {
        self.words().0
    }

    pub(crate) const fn plural(self) -> &'static str {
        self.words().1
    }

    pub(crate) const fn word(self) -> &'static str {
        self.words().2
    }

    pub(crate) const fn is_namespaced(self) -> bool {
        !matches!(self, Self::Node | Self::Namespace)
    }

    /// Whether its status is a subresource.
    pub(crate) const fn has_status(self) -> bool {
        matches!(
            self,
            Self::Meeting | Self::MediaPool | Self::Pod | Self::Node | Self::Namespace | Self::Service | Self::Budget
        )
    }

    fn find(api_version: &str, plural: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.api_version() == api_version && kind.plural() == plural)
    }
}

/// The path of one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) kind: Kind,
    /// Empty for cluster-scoped objects.
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Key {
    pub(crate) fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        Self { kind, namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// A parsed request path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) kind: Kind,
    /// `None`: of all namespaces.
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
}

impl Address {
    /// `None` if there is nothing at `path`.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let parts: Vec<_> = path.trim_matches('/').split('/').collect();
        let (api_version, rest) = match parts.as_slice() {
            ["api", "v1", rest @ ..] => ("v1".to_owned(), rest),
            ["apis", group, version, rest @ ..] => (format!("{group}/{version}"), rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() && rest != ["status"] => {
                (Some((*namespace).to_owned()), rest)
            }
            rest => (None, rest),
        };
        let (plural, rest) = rest.split_first()?;
        let part = |index: usize| rest.get(index).map(|part| (*part).to_owned());
        let kind = Kind::find(&api_version, plural)?;
        Some(Self { kind, namespace, name: part(0), subresource: part(1) })
    }

    pub(crate) fn key(&self) -> Option<Key> {
        let name = self.name.as_deref()?;
        Some(Key::new(self.kind, self.namespace.as_deref().unwrap_or_default(), name))
    }

    pub(crate) fn is_status(&self) -> bool {
        self.subresource.as_deref() == Some("status")
    }
}

#[test]
fn addresses_are_read() {
    let address = |path| Address::parse(path).map(|address| (address.kind, address.namespace, address.name));
    let (harbor, pier) = (Some("harbor".to_owned()), Some("pier".to_owned()));
    assert_eq!(address("/api/v1/namespaces/harbor/pods"), Some((Kind::Pod, harbor.clone(), None)));
    assert_eq!(address("/api/v1/namespaces/harbor/pods/pier/status"), Some((Kind::Pod, harbor.clone(), pier)));
    assert_eq!(address("/api/v1/namespaces/harbor"), Some((Kind::Namespace, None, harbor)));
    assert_eq!(address("/apis/convene.dev/v1alpha1/meetings"), Some((Kind::Meeting, None, None)));
    assert_eq!(address("/apis/apps/v1/deployments"), None);
}
