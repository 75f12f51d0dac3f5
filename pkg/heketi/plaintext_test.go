package heketi

import "testing"

func TestPlaintext(t *testing.T) {
	for url, want := range map[string]bool{
		"http://heketi:8080": true, "http://10.0.0.1:8080": true, "http://[fd00::1]:8080": true, "HTTP://Heketi": true,
		"http://localhost.example": true, "http://127.example:1": true, "http://128.0.0.1": true,
		"https://heketi:8080": false, "http://localhost:8080": false, "http://127.0.0.1:8080": false, "http://127.9.9.9": false,
		"http://[::1]:8080": false, "http://[::ffff:127.0.0.1]:1": false,
	} {
		backends, err := NewBackends(Config{Backends: []BackendConfig{{Name: "a", URL: url}}}, DefaultTiming())
		if err != nil {
			t.Fatal(err)
		}
		if got := backends.All()[0].Plaintext(); got != want {
			t.Errorf("%s: %v, want %v", url, got, want)
		}
		backends.Close()
	}
}
