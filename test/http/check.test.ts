import { describe, expect, it } from 'vitest';
import { findings } from './harness.ts';

const inLocation = (text: string): string => `http { server { listen 8080;\nlocation / { ${text} }\n} }`;
const inServer = (text: string): string => `http { server { listen 8080;\n${text}\n} }`;
const inHttp = (text: string): string => `http {\n${text}\nserver { listen 8080; } }`;

describe('what is wrong with an http block', () => {
  it.each([
    [inLocation('return 200 $uri2;'), ['unknown "uri2" variable (2)']],
    [inLocation('root $nowhere;'), ['unknown "nowhere" variable (2)']],
    [inLocation('if ($nope) { return 200; }'), ['unknown "nope" variable (2)']],
    [inLocation('return 200 "a $";'), ['invalid variable name in "a $" (2)']],
    [inLocation('set x 1;'), ['invalid variable name "x" (2)']],
    [inLocation('set $uri 1;'), ['the duplicate "uri" variable (2)']],
    [inLocation('set $a $b; set $b 1;'), []],
    [inLocation('rewrite ^/(?<x>.)$ /$x;'), []],
    [inLocation('rewrite "^/(" /x;'), ['invalid regular expression "^/(" in "rewrite" directive (2)']],
    [inLocation('rewrite "^/a++" /x;'), ['invalid regular expression "^/a++" in "rewrite" directive (2)']],
    [inLocation('rewrite a b never;'), ['invalid parameter "never" (2)']],
    [inLocation('return 1000;'), ['invalid return code "1000" (2)']],
    [inLocation('return /x;'), ['invalid return code "/x" (2)']],
    [inLocation('if ($uri ? x) { }'), ['unexpected "?" in condition (2)']],
    [inLocation('if $uri { }'), ['invalid condition "$uri" (2)']],
    [inLocation('add_header "a b" c;'), ['invalid header name "a b" (2)']],
    [inLocation('add_header a b never;'), ['invalid parameter "never" (2)']],
    [inLocation('error_page 200 /x;'), ['value "200" must be between 300 and 599 (2)']],
    [inLocation('expires yesterday;'), ['invalid value "yesterday" (2)']],
    [inLocation('allow 10.0.0.0/40;'), ['invalid parameter "10.0.0.0/40" (2)']],
    [inLocation('root a; alias b;'), ['"root" and "alias" cannot stand in one location (2)']],
    [inLocation('access_log a.log gone;'), ['unknown log format "gone" (2)']],
    [inLocation('location @x { }'), ['named location "@x" can be on the server level only (2)']],
    [inServer('location /a { location /b { } }'), ['location "/b" is outside location "/a" (2)']],
    [inServer('location /a { } location /a { }'), ['duplicate location "/a" (2)']],
    [inServer('location ~ "a(" { }'), ['invalid regular expression "a(" in "location" directive (2)']],
    [inServer('location =! /a { }'), ['invalid location modifier "=!" (2)']],
    [inServer('server_name a*b;'), ['invalid server name or wildcard "a*b" (2)']],
    [inServer('server_name ~(;'), ['invalid regular expression "(" in "server_name" directive (2)']],
    [
      inServer('listen 8443 ssl;'),
      ['no "ssl_certificate" is defined for the "listen ... ssl" directive (2)'],
    ],
    [inServer('listen 8081 proxy_protocol;'), []],
    [inServer('set_real_ip_from all;'), ['invalid parameter "all" (2)']],
    [inServer('set_real_ip_from proxy.example.com;'), ['invalid parameter "proxy.example.com" (2)']],
    [inServer('real_ip_header "X Y";'), ['invalid header name "X Y" (2)']],
    [inLocation('secure_link $arg_x,$gone;'), ['unknown "gone" variable (2)']],
    [inHttp('log_format combined x;'), ['duplicate "log_format" name "combined" (2)']],
    [inHttp('map $x $y { a b c; }'), ['invalid number of the map parameters (2)']],
    [inHttp('map $gone $y { default 1; }'), ['unknown "gone" variable (2)']],
    [
      'http { server { listen 80 default_server; } server { listen 80 default_server; } }',
      ['a duplicate default server for 0.0.0.0:80 (1)'],
    ],
    ['http { server { location /a { location ~ x { root y; } } } }', []],
  ])('%s', (text, expected) => {
    expect(findings(text)).toEqual(expected);
  });
});
