/** What behaves differently on purpose, beyond single facts. */
export const behaviours: readonly { readonly topic: string; readonly ours: string; readonly why: string }[] =
  [
    {
      topic: 'allow and deny of rtmp',
      ours: 'are asked before all else, and the refusal is told: NetStream.Publish.Denied, NetStream.Play.Failed, HTTP 403',
      why: 'nobody who is denied starts callbacks, programs or relays, or is left without a word',
    },
    {
      topic: 'max_connections',
      ours: 'counts clients from their connect command on, not relays; the number of the innermost block counts; over it clients are told NetConnection.Connect.Rejected or HTTP 503',
      why: 'a limit does not cut the server’s own connections, and players can tell a full server from a broken one',
    },
    {
      topic: 'The PROXY header on RTMP addresses',
      ours: 'is version 1 or 2, may come in pieces within 5 s, and is believed of set_real_ip_from only where that is written',
      why: 'whoever can reach the address could claim to be anybody',
    },
    {
      topic: 'Arguments of clients in callbacks',
      ours: 'follow the fields as they were sent, without those that could pass for a field',
      why: 'a client could speak in the server’s name with ?call= or ?name=',
    },
    {
      topic: 'Callbacks of relays',
      ours: 'have the application of a pull, where nginx-rtmp leaves app empty, and its address without port and path; a push is no player to on_play, as in nginx-http-flv',
      why: 'backends know what the stream is for, and do not count servers as viewers',
    },
    {
      topic: 'An on_update that is not answered',
      ours: 'ends the session with notify_update_strict only',
      why: 'an endpoint that starts anew would end every stream',
    },
    {
      topic: 'on_publish_done, on_play_done and on_disconnect',
      ours: 'are sent once for all that an answer has allowed, and never for a connection that did not get so far; again where nobody listened',
      why: 'backends count with them',
    },
    {
      topic: 'Requests of callbacks',
      ours: 'are HTTP/1.1 on kept connections, with the port in Host, within netcall_timeout as a whole; flashver is not cut, and timestamp of players is that of their stream',
      why: 'proxies and frameworks expect it',
    },
    {
      topic: 'A stream that nobody publishes, over HTTP-FLV',
      ours: 'is answered with 404 and a reason at once',
      why: 'players can tell it from one that is slow to start',
    },
    {
      topic: 'A second publisher of a name',
      ours: 'is refused with NetStream.Publish.BadName before anything of it reaches recorders or segments',
      why: 'the first one must not suffer from it',
    },
    {
      topic: 'A second application of one name in a server',
      ours: 'is left out with a warning, as nginx-rtmp does silently and nginx-http-flv refuses to',
      why: 'files of both keep working',
    },
    {
      topic: 'A directive that is not supported',
      ours: 'is accepted where it is switched off',
      why: 'nothing is missing then',
    },
    {
      topic: 'A byte order mark at the start of a file',
      ours: 'is passed over',
      why: 'editors put it there unseen',
    },
    {
      topic: 'The end of a program of exec',
      ours: 'is the end of all that it has started: the signal goes to its whole process group, and what is left is killed, also after the server itself was killed',
      why: 'what a wrapper script has started would stay behind',
    },
    {
      topic: 'A program of exec that ends at once',
      ours: 'is run again after respawn_timeout, then after twice that, up to a minute, with the end of its descriptor 2 in the log',
      why: 'a mistake in a command line neither burdens the machine nor fills the log, and its reason is not lost',
    },
    {
      topic: 'A program of exec_pull',
      ours: 'does not run as long as somebody else publishes the name',
      why: 'it could not publish it',
    },
    {
      topic: 'Names and queries in command lines of exec',
      ours: 'redirect nothing, are no options, and only come into the script of a shell as plain words; a program that they would do that to is not started',
      why: 'clients choose them',
    },
    {
      topic: 'The environment of programs of exec',
      ours: 'is that of the server, with what env sets; arguments may use it in braces',
      why: 'programs are found, and keep their settings',
    },
    {
      topic: 'The numbers of HLS segments',
      ours: 'go on from the playlist in memory or on disk, and without one begin with the seconds of the clock',
      why: 'a number that goes back makes players stop, whatever was lost',
    },
    {
      topic: 'A discontinuity in HLS',
      ours: 'is written for a new publisher, other codec parameters, other tracks and holes in time, never before the very first segment; not for a publisher of the same codec parameters that comes back within publish_gap or takes a name over',
      why: 'players start over at each of them',
    },
    {
      topic: 'The length of an HLS playlist',
      ours: 'is measured in media, with at least three segments and three target durations; one that was played to its end is emptied for the next publisher',
      why: 'shorter lists stall players, and old media would be shown to newcomers',
    },
    {
      topic: 'The target duration of an HLS playlist',
      ours: 'comes from the first segments and their key frames, and only grows when a longer segment really comes',
      why: 'players rely on it not to change',
    },
    {
      topic: 'hls_type event',
      ours: 'keeps every segment, and ends the list when the publisher has stayed away for twice the playlist length; live lists never end',
      why: 'players go back to the beginning of an event',
    },
    {
      topic: 'hls_variant',
      ours: 'lists the renditions that run, once all of them do or one has three segments; bandwidth, size and codecs that are not given are measured',
      why: 'players give up on renditions that answer 404',
    },
    {
      topic: 'hls_keys',
      ours: 'gives each segment an initialisation vector of its own, and makes key files that only the server can read',
      why: 'equal beginnings would give equal cipher text',
    },
    {
      topic: 'hls_cleanup',
      ours: 'removes only what has the names and content of HLS files, after twice the playlist length or, where that is longer, the media listed; never what a live playlist lists',
      why: 'hls_path may hold other files',
    },
    {
      topic: 'An answer of HTTP-FLV that is no stream',
      ours: 'carries the fields of add_header as if each said always; HEAD and OPTIONS are answered',
      why: 'a page’s script may only read what has the CORS fields',
    },
    {
      topic: 'The arguments app and stream of HTTP-FLV',
      ours: 'are percent-decoded; LOCATION/APP/NAME.flv says the same',
      why: 'that is how URLs are written',
    },
    {
      topic: 'Files and folders whose name begins with a dot',
      ours: 'are not served, but for .well-known',
      why: 'they are half-written, or nobody’s business',
    },
    {
      topic: 'Playlists just made',
      ours: 'are answered from memory, with Cache-Control: no-cache unless add_header or expires says otherwise',
      why: 'a playlist that somebody keeps stops the picture',
    },
    {
      topic: 'A request for several ranges at once',
      ours: 'gets the whole file',
      why: 'no player asks for several, and RFC 9110 allows it',
    },
    {
      topic: 'gzip',
      ours: 'compresses whole answers and tells their length; a range is one of the file as it is; any value of gzip_proxied but off is any',
      why: 'players can tell how much is to come, and parts of a file fit together',
    },
    {
      topic: 'auth_basic',
      ours: 'needs auth_basic_user_file, and tells of passwords in forms that it cannot check, bcrypt and the old crypt among them; right and wrong ones are remembered while the file stays the same',
      why: 'without a file nginx lets everybody in, and checking a password is slow on purpose',
    },
    {
      topic: 'limit_rate',
      ours: 'does not hold for live streams',
      why: 'they would only fall behind',
    },
    {
      topic: 'add_header with Content-Type, ETag or Last-Modified',
      ours: 'takes the place of the answer’s own field',
      why: 'two of them contradict each other',
    },
    {
      topic: 'Viewers of HLS',
      ours: 'count for the limits of players, and have a stream fetched that pull or exec_pull can bring; callbacks and play rules of the application are not asked',
      why: 'a stream that was only watched by HLS never came, and limits could be walked around',
    },
    {
      topic: 'A pull that loses its source',
      ours: 'leaves its players waiting and asks again while anybody plays; several lines for one stream are tried in turn',
      why: 'a short outage of the source sent everybody away, and a second line never helped',
    },
    {
      topic: 'A push to an application of the same process, or a pull from one',
      ours: 'takes no connection; one that goes in circles is refused, also over several servers',
      why: 'a circle floods both ends until they fall over',
    },
    {
      topic: 'rtmp_stat',
      ours: 'measures frame rates and reads codecs from the stream; names are whole and in UTF-8; elements of its own come after the known ones',
      why: 'metadata are often wrong, and dashboards go on working',
    },
    {
      topic: 'A recording',
      ours: 'has metadata with duration, size and an index of key frames, and other parameters in mid-stream; folders are made; it is begun when its first key frame comes',
      why: 'players cannot seek without them, and decode nothing after a change that is left out',
    },
    {
      topic: 'A second file of one publisher under the same name',
      ours: 'gets a number: cam.flv, cam-1.flv; the next publisher begins cam.flv anew unless record_append is on',
      why: 'a recording that had reached its limit was lost',
    },
    {
      topic: 'When on_record_done and exec_record_done come',
      ours: 'is when a file is whole on the disk',
      why: 'that is when a file can be used',
    },
    {
      topic: 'record',
      ours: 'with manual alone means everything; a recorder stopped by record/stop stays so until record/start; record_interval counts media and holds for manual recorders',
      why: 'nothing was recorded, and files began again at the next key frame',
    },
    {
      topic: 'record_lock',
      ours: 'is a lock of flock(2), set by the program flock',
      why: 'scripts can ask for it: flock -n FILE',
    },
    {
      topic: 'record_interval_size',
      ours: 'goes on with the next file at a key frame, where it had no effect',
      why: 'record_max_size leaves out the frames up to the next key frame',
    },
    {
      topic: 'on_record_done',
      ours: 'has size and duration behind path; on_record_started the whole path, on_playlist comes when the file is on the disk; all fields of these in the order of nginx-rtmp',
      why: 'that is what backends look into the file for',
    },
    {
      topic: 'A disk that fails',
      ours: 'ends the recording, never the stream; another file is tried after five seconds; up to 16 MB wait for a slow one',
      why: 'viewers have nothing to do with it',
    },
    {
      topic: 'rtmp_control',
      ours: 'takes an empty argument for nobody and answers 400 where it knows none of the arguments; without allow or deny it answers this machine only, and not under names that strangers could give it',
      why: 'neither a slip of the pen nor a stranger must disconnect everybody',
    },
    {
      topic: 'access_log in rtmp',
      ours: 'is off where none is written, escapes values, and counts the bytes of an interval alike in every file',
      why: 'sessions are told in the error log, and clients must not write lines of their own',
    },
  ];
