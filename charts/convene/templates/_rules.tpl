{{/* What operator and router may do, cluster-wide and in the release namespace. Used by rbac.yaml. */}}

{{- define "convene.rules.operator.cluster" -}}
- {apiGroups: [convene.dev], resources: [meetings], verbs: [get, list, watch]}
- {apiGroups: [convene.dev], resources: [meetings/status], verbs: [patch]}
- {apiGroups: [""], resources: [nodes], verbs: [get]}
- {apiGroups: [events.k8s.io], resources: [events], verbs: [create, patch]}
{{- end }}

{{- define "convene.rules.operator.namespace" -}}
- {apiGroups: [convene.dev], resources: [mediapools], verbs: [get, list, watch]}
- {apiGroups: [convene.dev], resources: [mediapools/status], verbs: [patch]}
- {apiGroups: [""], resources: [pods], verbs: [create, delete, get, list, patch, watch]}
- {apiGroups: [""], resources: [pods/status], verbs: [patch]}
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
- {apiGroups: [""], resources: [secrets], resourceNames: [{{ include "convene.name" (list . "admission-key") }}], verbs: [get, list, watch]}
{{- end }}
