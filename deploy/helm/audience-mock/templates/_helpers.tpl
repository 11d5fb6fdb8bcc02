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
{{- with .Values.postgresql.ca -}}
{{- if or .secret .configMap -}}
{{- $_ := set $files "database-ca" . -}}
{{- end -}}
{{- end -}}
{{- range $name := list "adminTokens" "tenants" "seed" -}}
{{- $from := index $.Values $name -}}
{{- if or $from.secret $from.configMap -}}
{{- $_ := set $files (kebabcase $name) $from -}}
{{- end -}}
{{- end -}}
{{- toJson $files -}}
{{- end }}

{{- /* What is the same for the pods of the server and that of the migration. */ -}}
{{- define "audience-mock.image" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{- define "audience-mock.podSecurity" -}}
automountServiceAccountToken: false
# A Service called audience-mock would set AUDIENCE_MOCK_PORT.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* A volume from one of the files above: the name, and where it is from. */ -}}
{{- define "audience-mock.volume" -}}
- name: {{ .name }}
  {{- if .from.secret }}
  secret:
    secretName: {{ .from.secret }}
    defaultMode: 0440
  {{- else }}
  configMap:
    name: {{ .from.configMap }}
  {{- end }}
{{- end }}

{{- define "audience-mock.placement" -}}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
