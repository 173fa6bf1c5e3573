{{/* Labels of every object. Call with (list $ "component"). */}}
{{- define "convene.labels" -}}
{{- $root := index . 0 -}}
{{ include "convene.selector" . }}
app.kubernetes.io/part-of: convene
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end }}

{{/* The labels that never change, used as selectors by Services and Deployments. */}}
{{- define "convene.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ printf "convene-%s" (index . 1) }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* Name of an object in the release namespace. */}}
{{- define "convene.name" -}}
{{ printf "%s-%s" (index . 0).Release.Name (index . 1) }}
{{- end }}

{{/* Name of a cluster-wide object: two releases of one name in two namespaces must not share it. */}}
{{- define "convene.clusterName" -}}
{{ printf "%s-%s" (index . 0).Release.Namespace (include "convene.name" .) }}
{{- end }}

{{- define "convene.image" -}}
{{- $image := (index . 0).Values.image -}}
{{ printf "%s/convene-%s:%s" $image.registry (index . 1) (default (index . 0).Chart.AppVersion $image.tag) }}
{{- end }}

{{/* Pod Security Standard "restricted". */}}
{{- define "convene.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "convene.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Tolerations from the values, and for a lost node a shorter time than the 300 s that Kubernetes adds. Values for the same taint win. */}}
{{- define "convene.tolerations" -}}
{{- $all := default list . -}}
{{- $keys := list -}}
{{- range $all }}{{ $keys = append $keys (default "" .key) }}{{ end -}}
{{- range list "node.kubernetes.io/not-ready" "node.kubernetes.io/unreachable" -}}
{{- if not (has . $keys) -}}
{{- $all = append $all (dict "key" . "operator" "Exists" "effect" "NoExecute" "tolerationSeconds" 30) -}}
{{- end -}}
{{- end -}}
{{ toYaml $all }}
{{- end }}

{{/*
Replicas of one version never share a node while another one is available: a lost node takes one of them. Nodes whose taints keep
the pods away are not counted, so with one node left all of them run there. Call with (list $ "component").
*/}}
{{- define "convene.spread" -}}
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: DoNotSchedule
  nodeTaintsPolicy: Honor
  matchLabelKeys: [pod-template-hash]
  labelSelector:
    matchLabels: {{- include "convene.selector" . | nindent 6 }}
{{- end }}

{{/* Liveness: the process is alive. Readiness: it is ready for traffic. */}}
{{- define "convene.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 1
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 10
  timeoutSeconds: 3
readinessProbe:
  httpGet: {path: /readyz, port: http}
  periodSeconds: 3
  timeoutSeconds: 3
{{- end }}

{{/* The Secrets with TURN credentials as a JSON list: those in router.turnSecrets, and those of the default pool. */}}
{{- define "convene.turnSecrets" -}}
{{- $names := .Values.router.turnSecrets -}}
{{- if .Values.defaultPool.enabled -}}
{{- range .Values.defaultPool.iceServers -}}
{{- if .credentialsSecret }}{{- $names = append $names .credentialsSecret }}{{- end -}}
{{- end -}}
{{- end -}}
{{ uniq $names | toJson }}
{{- end }}

{{- define "convene.joinBase" -}}
{{ default "http://localhost:8080" .Values.publicUrl }}
{{- end }}
