import type { Inert } from './table.ts';

/** Directives that no directive reference of ours lists, known by how their names begin or end. */
export interface Family extends Pick<Inert, 'disposition' | 'later' | 'reason'> {
  readonly names: RegExp;
}

/** The family that a name belongs to which no table knows; its statements are taken in any place and form. */
export function familyOf(name: string): Family | undefined {
  return FAMILIES.find((family) => family.names.test(name));
}

const ignored = (names: RegExp, reason: string): Family => ({ names, disposition: 'ignored', reason });
const unsupported = (names: RegExp, reason: string): Family => ({
  names,
  disposition: 'unsupported',
  reason,
});

const FAMILIES: readonly Family[] = [
  ignored(/^(max_queue|chunked)$/, 'no module has had it for years'),
  ignored(/^(lua_|init_by_lua|init_worker_by_lua)/, 'there is no Lua here'),
  unsupported(/_by_lua(_block|_file)?$/, 'there is no Lua here; ask a program of your own by callbacks'),
  unsupported(/^js_/, 'there is no njs here; ask a program of your own by callbacks'),
  unsupported(/^perl(_|$)/, 'there is no Perl here; ask a program of your own by callbacks'),
  unsupported(/^(vod|hls_mp4|f4f)$/, 'serve the files as they are, or package them beforehand'),
  ignored(/^(vod|hls_mp4|f4f)_/, 'it only matters with packaging on the fly'),
  unsupported(/^more_(set|clear)_(input_)?headers$/, 'use add_header'),
  ignored(/^vhost_traffic_status/, 'requests are not counted by that module here'),
  unsupported(/^fancyindex$/, 'list the files in a page of your own'),
  ignored(/^fancyindex_/, 'it only matters with fancyindex'),
  ignored(/^(brotli|zstd|pagespeed|spdy)($|_)/, 'responses are sent as they are'),
  unsupported(
    /^(uwsgi|scgi|grpc|memcached|redis2?|drizzle|postgres)_pass$/,
    'run the application behind a web server of its own',
  ),
  ignored(/^(fastcgi|uwsgi|scgi|grpc|memcached)_/, 'it only matters with requests passed on'),
  ignored(/^(geoip|opentracing|opentelemetry|otel|google_perftools)_/, 'its module is not here'),
  unsupported(/^(geoip2|image_filter|xslt_stylesheet|echo|api|health_check)$/, 'its module is not here'),
  unsupported(/^auth_(jwt|pam|ldap|digest|spnego|gss)($|_)/, 'put a proxy that asks for passwords in front'),
  unsupported(/^(modsecurity|akamai_token|secure_token)($|_)/, 'put a proxy that checks requests in front'),
  unsupported(/^(upload|push_stream|nchan)_/, 'its module is not here'),
];
