package main

// join adds to a document the entries that only other has. A module that two binaries contain is listed once: references must be
// unique in a document.
func join(document, other map[string]any) {
	joinBy("bom-ref", document, other, "components", func(_, _ map[string]any) {})
	joinBy("ref", document, other, "dependencies", func(known, more map[string]any) {
		joinStrings(known, more, "dependsOn")
	})
	joinBy("aggregate", document, other, "compositions", func(known, more map[string]any) {
		joinStrings(known, more, "dependencies")
	})
}

// joinBy appends to document's list the entries that only other's list has; key is the field that identifies an entry. It calls
// same for each entry that both lists have.
func joinBy(key string, document, other map[string]any, list string, same func(known, more map[string]any)) {
	entries, _ := document[list].([]any)
	more, _ := other[list].([]any)
	known := make(map[any]map[string]any, len(entries))
	for _, entry := range entries {
		if fields, ok := entry.(map[string]any); ok {
			known[fields[key]] = fields
		}
	}
	for _, entry := range more {
		fields, _ := entry.(map[string]any)
		if twin := known[fields[key]]; twin != nil {
			same(twin, fields)
			continue
		}
		entries = append(entries, entry)
	}
	if len(entries) > 0 {
		document[list] = entries
	}
}

// joinStrings appends to known's list the strings that only more's list has.
func joinStrings(known, more map[string]any, list string) {
	values, _ := known[list].([]any)
	seen := make(map[any]bool, len(values))
	for _, value := range values {
		seen[value] = true
	}
	others, _ := more[list].([]any)
	for _, value := range others {
		if !seen[value] {
			values = append(values, value)
		}
	}
	if len(values) > 0 {
		known[list] = values
	}
}
