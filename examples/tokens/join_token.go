// Creates a join token. Go 1.20 or newer, no dependencies.
//
//	KEY_FILE=join-key KID=shop go run join_token.go team-a/board ada 'Ada Lovelace'
//
// KEY_FILE contains the secret, byte for byte as in the join key Secret (HS256), or the Ed25519 private key in PEM (EdDSA).
package main

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"
)

func makeToken(key []byte, kid, meeting, identity, name string, lifetime time.Duration) (string, error) {
	algorithm, sign, err := signer(key)
	if err != nil {
		return "", err
	}
	now := time.Now()
	header, err := part(map[string]any{"alg": algorithm, "typ": "JWT", "kid": kid})
	if err != nil {
		return "", err
	}
	claims, err := part(map[string]any{
		"aud": "convene", "iat": now.Unix(), "exp": now.Add(lifetime).Unix(), "sub": identity, "name": name, "meeting": meeting,
	})
	if err != nil {
		return "", err
	}
	message := header + "." + claims
	return message + "." + base64.RawURLEncoding.EncodeToString(sign([]byte(message))), nil
}

func part(value any) (string, error) {
	text, err := json.Marshal(value)
	return base64.RawURLEncoding.EncodeToString(text), err
}

func signer(key []byte) (string, func([]byte) []byte, error) {
	block, _ := pem.Decode(key)
	if block == nil {
		return "HS256", func(message []byte) []byte {
			mac := hmac.New(sha256.New, key)
			mac.Write(message)
			return mac.Sum(nil)
		}, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return "", nil, err
	}
	private, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return "", nil, errors.New("not an Ed25519 private key")
	}
	return "EdDSA", func(message []byte) []byte { return ed25519.Sign(private, message) }, nil
}

func main() {
	key, err := os.ReadFile(os.Getenv("KEY_FILE"))
	if err != nil || len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: KEY_FILE=... KID=... go run join_token.go MEETING IDENTITY NAME", err)
		os.Exit(2)
	}
	token, err := makeToken(key, os.Getenv("KID"), os.Args[1], os.Args[2], os.Args[3], time.Hour)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(token)
}
