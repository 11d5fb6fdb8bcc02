{{- define "audience-mock.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "audience-mock.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "audience-mock.labels" -}}
{{ include "audience-mock.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "audience-mock.claim" -}}
{{- .Values.persistence.existingClaim | default (include "audience-mock.fullname" .) -}}
{{- end }}

{{- /* The URL that clients use, empty where nothing says it. */ -}}
{{- define "audience-mock.publicUrl" -}}
{{- if .Values.publicUrl -}}
{{- .Values.publicUrl -}}
{{- else if .Values.ingress.enabled -}}
{{- printf "%s://%s%s" (ternary "https" "http" (ne .Values.ingress.tlsSecret "")) .Values.ingress.host (trimSuffix "/" .Values.ingress.path) -}}
{{- end -}}
{{- end }}

{{- /* The volumes with a file each that the operator makes: name, where from, key. A mount of the folder, not by
subPath, is what follows changes of the Secret. */ -}}
{{- define "audience-mock.files" -}}
{{- $files := dict -}}
{{- range $name := list "adminTokens" "tenants" "seed" -}}
{{- $from := index $.Values $name -}}
{{- if or $from.secret $from.configMap -}}
{{- $_ := set $files (kebabcase $name) $from -}}
{{- end -}}
{{- end -}}
{{- toJson $files -}}
{{- end }}
