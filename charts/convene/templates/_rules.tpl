{{/* RBAC rules of operator, router and the hook of helm uninstall, cluster-wide and in the release namespace. Used by rbac.yaml and
uninstall.yaml. */}}

{{- define "convene.rules.operator.cluster" -}}
{{- /* Delete: meetings whose spec.ttlAfterEnded has passed. */ -}}
- {apiGroups: [convene.dev], resources: [meetings], verbs: [get, list, watch, delete]}
- {apiGroups: [convene.dev], resources: [meetings/status], verbs: [patch]}
{{- /* What moderators decided in a call, for the time after a crash. They are written by server-side apply, which is a patch that may
create. No other component and no role of a user reads them. */}}
- {apiGroups: [convene.dev], resources: [meetingbackups], verbs: [create, delete, get, patch]}
{{- /* Addresses to announce, and whether nodes are cordoned. */}}
- {apiGroups: [""], resources: [nodes], verbs: [get, list, watch]}
{{- /* Labels only, which decide who may use a pool. */}}
- {apiGroups: [""], resources: [namespaces], verbs: [list, watch]}
- {apiGroups: [events.k8s.io], resources: [events], verbs: [create, patch]}
{{- end }}

{{- /* The owner references that the operator sets on pods, Services and budgets do not block the owner's deletion, so no right to
`mediapools/finalizers` is needed, not even where the admission plugin OwnerReferencesPermissionEnforcement is on. */}}
{{- define "convene.rules.operator.namespace" -}}
{{- /* Patch: the finalizer that keeps a deleted pool until it is drained. */}}
- {apiGroups: [convene.dev], resources: [mediapools], verbs: [get, list, watch, patch]}
- {apiGroups: [convene.dev], resources: [mediapools/status], verbs: [patch]}
- {apiGroups: [""], resources: [pods], verbs: [create, delete, get, list, patch, watch]}
{{- /* The condition that says whether the pod's announced address is reachable. */}}
- {apiGroups: [""], resources: [pods/status], verbs: [patch]}
{{- /* Exposures NodePort and LoadBalancer: one for each pod, deleted with the pod. */}}
- {apiGroups: [""], resources: [services], verbs: [create, list, watch]}
{{- /* Budgets that protect pods with participants. They are written by server-side apply, which is a patch that may create. */}}
- {apiGroups: [policy], resources: [poddisruptionbudgets], verbs: [create, list, patch, watch]}
{{- /* Keys are created and rotated by patches. */}}
- {apiGroups: [""], resources: [secrets], resourceNames: [{{ include "convene.name" (list . "admission-key") }}], verbs: [get, patch]}
- {apiGroups: [""], resources: [configmaps], resourceNames: [{{ include "convene.name" (list . "admission-keys") }}], verbs: [get, patch]}
{{- /* Objects that do not exist yet have no name to restrict, so `create` has none. */}}
- {apiGroups: [coordination.k8s.io], resources: [leases], verbs: [create]}
- {apiGroups: [coordination.k8s.io], resources: [leases], resourceNames: [convene-operator], verbs: [get, list, watch, update]}
{{- end }}

{{- define "convene.rules.router.cluster" -}}
- {apiGroups: [convene.dev], resources: [meetings], verbs: [get, list, watch]}
{{- end }}

{{- define "convene.rules.router.namespace" -}}
- {apiGroups: [convene.dev], resources: [mediapools], verbs: [get, list, watch]}
- {apiGroups: [""], resources: [pods], verbs: [get, list, watch]}
{{- /* The key that signs admissions, the keys that verify join tokens, and credentials for TURN servers. */}}
{{- $secrets := concat (list (include "convene.name" (list . "admission-key"))) .Values.router.joinKeySecrets (include "convene.turnSecrets" . | fromJsonArray) | uniq }}
- {apiGroups: [""], resources: [secrets], resourceNames: {{ toJson $secrets }}, verbs: [get, list, watch]}
{{- end }}

{{- define "convene.rules.uninstall.cluster" -}}
- {apiGroups: [convene.dev], resources: [meetings], verbs: [list]}
- {apiGroups: [convene.dev], resources: [meetings/status], verbs: [patch]}
{{- end }}

{{- define "convene.rules.uninstall.namespace" -}}
{{- /* Patch: shorter drains, and the finalizer if no operator removes it. */ -}}
- {apiGroups: [convene.dev], resources: [mediapools], verbs: [list, patch, delete]}
{{- /* It shows whether an operator is running. */}}
- {apiGroups: [coordination.k8s.io], resources: [leases], resourceNames: [convene-operator], verbs: [get]}
{{- end }}
