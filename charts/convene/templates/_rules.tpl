{{/* What operator, router and the hook of helm uninstall may do, cluster-wide and in the release namespace. Used by rbac.yaml and
uninstall.yaml. */}}

{{- define "convene.rules.operator.cluster" -}}
{{- /* Deleting: meetings whose spec.ttlAfterEnded is over. */ -}}
- {apiGroups: [convene.dev], resources: [meetings], verbs: [get, list, watch, delete]}
- {apiGroups: [convene.dev], resources: [meetings/status], verbs: [patch]}
{{- /* Addresses to announce, and which nodes are cordoned. */}}
- {apiGroups: [""], resources: [nodes], verbs: [get, list, watch]}
{{- /* Their labels alone, which decide who may use a pool. */}}
- {apiGroups: [""], resources: [namespaces], verbs: [list, watch]}
- {apiGroups: [events.k8s.io], resources: [events], verbs: [create, patch]}
{{- end }}

{{- /* The owner references that the operator sets on pods, Services and budgets do not block the owner's deletion, so no right to
`mediapools/finalizers` is needed, not even where the admission plugin OwnerReferencesPermissionEnforcement is on. */}}
{{- define "convene.rules.operator.namespace" -}}
{{- /* Patching: the finalizer that lets a pool be drained before it goes. */}}
- {apiGroups: [convene.dev], resources: [mediapools], verbs: [get, list, watch, patch]}
- {apiGroups: [convene.dev], resources: [mediapools/status], verbs: [patch]}
- {apiGroups: [""], resources: [pods], verbs: [create, delete, get, list, patch, watch]}
{{- /* The condition that tells whether the pod's announced address was reached. */}}
- {apiGroups: [""], resources: [pods/status], verbs: [patch]}
{{- /* Exposures NodePort and LoadBalancer: one for each pod. It goes with its pod. */}}
- {apiGroups: [""], resources: [services], verbs: [create, list, watch]}
{{- /* What protects pods with people. It is applied, which is a patch that may create. */}}
- {apiGroups: [policy], resources: [poddisruptionbudgets], verbs: [create, list, patch, watch]}
{{- /* Keys are made and rotated by patches. */}}
- {apiGroups: [""], resources: [secrets], resourceNames: [{{ include "convene.name" (list . "admission-key") }}], verbs: [get, patch]}
- {apiGroups: [""], resources: [configmaps], resourceNames: [{{ include "convene.name" (list . "admission-keys") }}], verbs: [get, patch]}
{{- /* What does not exist yet cannot be named, so `create` has no name. */}}
- {apiGroups: [coordination.k8s.io], resources: [leases], verbs: [create]}
- {apiGroups: [coordination.k8s.io], resources: [leases], resourceNames: [convene-operator], verbs: [get, list, watch, update]}
{{- end }}

{{- define "convene.rules.router.cluster" -}}
- {apiGroups: [convene.dev], resources: [meetings], verbs: [get, list, watch]}
{{- end }}

{{- define "convene.rules.router.namespace" -}}
- {apiGroups: [convene.dev], resources: [mediapools], verbs: [get, list, watch]}
- {apiGroups: [""], resources: [pods], verbs: [get, list, watch]}
{{- /* The key that admissions are signed with, the keys that join tokens are verified with, and credentials for TURN servers. */}}
{{- $secrets := concat (list (include "convene.name" (list . "admission-key"))) .Values.router.joinKeySecrets (include "convene.turnSecrets" . | fromJsonArray) | uniq }}
- {apiGroups: [""], resources: [secrets], resourceNames: {{ toJson $secrets }}, verbs: [get, list, watch]}
{{- end }}

{{- define "convene.rules.uninstall.cluster" -}}
- {apiGroups: [convene.dev], resources: [meetings], verbs: [list]}
- {apiGroups: [convene.dev], resources: [meetings/status], verbs: [patch]}
{{- end }}

{{- define "convene.rules.uninstall.namespace" -}}
{{- /* Patching: shorter drains, and the finalizer where no operator takes it off. */ -}}
- {apiGroups: [convene.dev], resources: [mediapools], verbs: [list, patch, delete]}
{{- /* It tells whether an operator acts. */}}
- {apiGroups: [coordination.k8s.io], resources: [leases], resourceNames: [convene-operator], verbs: [get]}
{{- end }}
