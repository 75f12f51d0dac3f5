{{/* Refuses entries of node.allowedServers with which no node plugin would start (pkg/mount, ParseAllowedServers). Only the driver checks
     an IPv4 address within an IPv6 address (::ffff:10.0.0.0/104). */}}
{{- define "glusterfs-csi.checkAllowedServers" -}}
{{- $octet := "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])" -}}
{{- $ipv4 := printf "(%s\\.){3}%s" $octet $octet -}}
{{- range $i, $item := .Values.node.allowedServers -}}
{{- $advice := "write a network as in 10.0.0.0/24, an address, a name, or a name as in *.storage.example" -}}
{{- $address := regexReplaceAll "/.*" (lower $item) "" -}}
{{- if regexMatch (printf "^%s/([12]?[0-9]|3[0-2])$" $ipv4) $item -}}
{{- $advice = include "glusterfs-csi.networkAdvice" (list (splitList "." $address) 8 (regexFind "[0-9]+$" $item) $address) -}}
{{- else if regexMatch "^[0-9A-Fa-f:]+/([1-9]?[0-9]|1[01][0-9]|12[0-8])$" $item -}}
{{- with include "glusterfs-csi.ipv6Groups" $address -}}
{{- $advice = include "glusterfs-csi.networkAdvice" (list (splitList " " .) 16 (regexFind "[0-9]+$" $item) $address) -}}
{{- end -}}
{{- else if contains "/" $item -}}
{{- if regexMatch ":.*[.]" $item -}}{{- $advice = "" -}}{{- end -}}
{{- else if contains ":" $item -}}
{{- if regexMatch ":.*:" $item -}}{{- $advice = "" -}}{{- end -}}{{/* an IPv6 address, and not a server with a port */}}
{{- else if or (regexMatch (printf "^%s$" $ipv4) $item) (not (regexMatch "(^|[.])([0-9]+|0x[0-9a-f]*)$" $address)) -}}
{{- $advice = "" -}}
{{- end -}}
{{- if $advice -}}
{{- fail (printf "node.allowedServers[%d]: %q: %s" $i $item $advice) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Returns advice for an address with a prefix length that is not a network, as in 10.0.0.5/24, and "" for a network. Call with
     (list groups bits-of-a-group length address). */}}
{{- define "glusterfs-csi.networkAdvice" -}}
{{- $bits := index . 1 -}}
{{- $length := index . 2 | int -}}
{{- $network := list -}}
{{- $isNetwork := true -}}
{{- range $i, $group := index . 0 -}}
{{- $number := ternary (printf "0x%s" $group) $group (eq $bits 16) | int64 -}}
{{- $unit := 1 -}}
{{- range until (sub $bits (max 0 (min $bits (sub $length (mul $i $bits)))) | int) -}}{{- $unit = mul $unit 2 -}}{{- end -}}
{{- $kept := mul (div $number $unit) $unit -}}
{{- if ne $kept $number -}}{{- $isNetwork = false -}}{{- end -}}
{{- $network = append $network (printf (ternary "%x" "%d" (eq $bits 16)) $kept) -}}
{{- end -}}
{{- if not $isNetwork -}}
{{- $written := ternary (regexReplaceAll "(^|:)0(:0)+$" (join ":" $network) "::") (join "." $network) (eq $bits 16) -}}
{{- printf "write %s/%d for the network, or %s for the address alone" $written $length (index . 3) -}}
{{- end -}}
{{- end -}}

{{/* The eight groups of an IPv6 address, separated by spaces; "" if the text is not an IPv6 address. */}}
{{- define "glusterfs-csi.ipv6Groups" -}}
{{- $halves := splitList "::" . -}}
{{- $groups := list -}}
{{- $valid := le (len $halves) 2 -}}
{{- range $i, $half := $halves -}}
{{- if not (regexMatch "^([0-9a-f]{1,4}(:[0-9a-f]{1,4})*)?$" $half) -}}{{- $valid = false -}}{{- end -}}
{{- $more := compact (splitList ":" $half) -}}
{{- if $i -}}
{{- range until (sub 8 (len (concat $groups $more)) | int) -}}{{- $groups = append $groups "0" -}}{{- end -}}
{{- end -}}
{{- $groups = concat $groups $more -}}
{{- end -}}
{{- if and $valid (eq (len $groups) 8) -}}{{- join " " $groups -}}{{- end -}}
{{- end -}}
