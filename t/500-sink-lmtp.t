# The sink's LMTP session, without sockets: each case is run whole, by the
# octet and at random splits, and must give the same replies and messages.

use strict;
use warnings;

use Test::More;

use Digest::SHA ();

use Mail::Wire::Sink::LMTP   ();
use Mail::Wire::Sink::Script ();

my $HELLO   = "LHLO me\r\n";
my $HELLOED = "250-localhost\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n";
my $GREETED = "220 localhost LMTP Mail::Wire::Sink ready\r\n";
my $MAIL    = "MAIL FROM:<a\@example.org>\r\n";
my $MAILED  = "250 2.1.0 Sender ok\r\n";
my $RCPT    = "RCPT TO:<b\@example.org>\r\n";
my $RCPTED  = "250 2.1.5 Recipient ok\r\n";
my $GO      = "354 End data with <CRLF>.<CRLF>\r\n";
my $DONE    = "250 2.0.0 Delivered\r\n";
my $ONE     = $MAILED . $RCPTED . $GO . $DONE;
my $CHUNKED = "250 2.0.0 Chunk ok\r\n";
my $NO_RCPT = "503 5.5.1 No valid recipient\r\n";
my $ORDER   = "503 5.5.1 Bad sequence of commands\r\n";
my $SYNTAX  = "501 5.5.4 Bad arguments\r\n";
my $UNKNOWN = "500 5.5.1 Command not known\r\n";
my $PARAM   = "555 5.5.4 Parameter not offered\r\n";
my $BYE     = "221 2.0.0 Bye\r\n";

# in and out: after the greeting, and after LHLO unless bare is true; data: of
# each message; end: how the session ended; also: more checks of the messages.
my @cases = (
    # -- commands
    { name => 'LHLO', bare => 1, in => $HELLO, out => $HELLOED },
    { name => 'lower case', bare => 1, in => "lhlo me\r\n", out => $HELLOED },
    { name => 'LHLO without a name', bare => 1, in => "LHLO\r\n", out => $SYNTAX },
    { name => 'EHLO and HELO', bare => 1, in => "EHLO me\r\nHELO me\r\n", out => $UNKNOWN x 2 },
    { name => 'MAIL before LHLO', bare => 1, in => $MAIL, out => $ORDER },
    { name => 'NOOP, VRFY, HELP', in => "NOOP\r\nVRFY x\r\nHELP\r\n",
      out => "250 2.0.0 Ok\r\n252 2.5.0 Cannot verify, but will take mail for it\r\n214 2.0.0 See RFC 2033\r\n" },
    { name => 'unknown', in => "EXPN x\r\nFOO\r\n\r\n", out => $UNKNOWN x 3 },
    { name => 'QUIT ends it', in => "QUIT\r\nNOOP\r\n", out => $BYE, end => 'fin' },
    { name => 'QUIT with an argument', in => "QUIT x\r\n", out => $SYNTAX },
    { name => 'bare LF', in => "NOOP\nNOOP\r\n", out => "500 5.5.2 Line does not end in CRLF\r\n250 2.0.0 Ok\r\n" },
    { name => 'CR and NUL in a line',
      in => "NOOP\rx\r\nNOOP \0\r\n", out => "500 5.5.2 Line does not end in CRLF\r\n" x 2 },
    { name => 'longest line', in => 'NOOP ' . 'x' x 4089 . "\r\nNOOP\r\n", out => "250 2.0.0 Ok\r\n" x 2 },
    { name => 'too long a line',
      in => 'NOOP ' . 'x' x 4090 . "\r\nNOOP\r\n", out => "500 5.5.2 Line too long\r\n250 2.0.0 Ok\r\n" },
    { name => 'much too long a line',
      in => 'x' x 20_000 . "\r\nNOOP\r\n", out => "500 5.5.2 Line too long\r\n250 2.0.0 Ok\r\n" },
    { name => 'MAIL twice', in => $MAIL x 2, out => $MAILED . $ORDER },
    { name => 'MAIL after RSET', in => "${MAIL}RSET\r\n$MAIL", out => "${MAILED}250 2.0.0 Reset\r\n$MAILED" },
    { name => 'RSET with an argument', in => "RSET x\r\n", out => $SYNTAX },
    { name => 'LHLO resets',
      in => $MAIL . $RCPT . $HELLO . "DATA\r\n$MAIL", out => $MAILED . $RCPTED . $HELLOED . $ORDER . $MAILED },
    { name => 'LHLO that is refused does not', option => { verbs => { LHLO => sub { $_[1] eq 'bad' ? '550 5.7.0 No' : undef } } },
      in => "${MAIL}${RCPT}LHLO bad\r\nDATA\r\nhi\r\n.\r\n", out => "$MAILED${RCPTED}550 5.7.0 No\r\n$GO$DONE", data => ["hi\r\n"] },
    { name => 'a chunk that is refused, and RSET', option => { body => '451 4.3.0 Later' },
      in => "${MAIL}${RCPT}BDAT 2\r\nhiRSET\r\n${MAIL}${RCPT}BDAT 2 LAST\r\nho",
      out => "$MAILED${RCPTED}451 4.3.0 Later\r\n250 2.0.0 Reset\r\n$MAILED$RCPTED$DONE", data => ['ho'] },
    { name => 'RCPT before MAIL', in => $RCPT, out => $ORDER },
    { name => 'paths',
      in => join('', map { "MAIL FROM:$_\r\nRSET\r\n" } '<>', '<"a b>"@example.org>', '<@x,@y:a@example.org>'),
      out => "${MAILED}250 2.0.0 Reset\r\n" x 3 },
    { name => 'bad paths',
      in => join('', map { "MAIL FROM:$_\r\n" } 'a@b', '<a b>', '<a', '<a>b>', ' a', '<a>x'),
      out => $SYNTAX x 6 },
    { name => 'empty recipient', in => "${MAIL}RCPT TO:<>\r\n", out => $MAILED . $SYNTAX },
    { name => 'address not ASCII',
      in => "MAIL FROM:<\xC3\xA9\@example.org>\r\n",
      out => "553 5.6.7 Address not ASCII, and no SMTPUTF8\r\n" },

    # -- parameters
    { name => 'BODY', in => "MAIL FROM:<a> BODY=8BITMIME\r\n", out => $MAILED },
    { name => 'parameters not offered', out => $PARAM x 5,
      in => join '', map { "MAIL FROM:<a> $_\r\n" } 'SIZE=1', 'RET=HDRS', 'SMTPUTF8', 'BODY=BINARYMIME', 'X=1' },
    { name => 'any parameter', option => { any_params => 1 },
      in => "MAIL FROM:<a> X=\"--b c\" Y z=1\r\n${RCPT}DATA\r\n.\r\n",
      out => $ONE, data => [''],
      also => sub { is_deeply($_[0]{from_params}, { X => '"--b c"', Y => undef, Z => 1 }, 'parameters as a hash') } },
    { name => 'DSN', option => { dsn => 1 },
      hello => "250-localhost\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 DSN\r\n",
      in => "MAIL FROM:<a> RET=FULL ENVID=x+3Dy\r\nRCPT TO:<b> NOTIFY=NEVER ORCPT=rfc822;b\r\n",
      out => $MAILED . $RCPTED },
    { name => 'SMTPUTF8', option => { lhlo => ['SMTPUTF8'] }, hello => "250-localhost\r\n250 SMTPUTF8\r\n",
      in => "MAIL FROM:<\xC3\xA9> SMTPUTF8\r\nRCPT TO:<\xC3\xA9>\r\n", out => $MAILED . $RCPTED },
    { name => 'a keyword offers its own name', option => { lhlo => ['XVERP'] },
      hello => "250-localhost\r\n250 XVERP\r\n",
      in => "MAIL FROM:<a> XVERP\r\n", out => $MAILED },
    { name => 'no extension', option => { lhlo => [] }, hello => "250 localhost\r\n",
      in => "MAIL FROM:<a> BODY=8BITMIME\r\nBDAT 1\r\n", out => $PARAM . $UNKNOWN },
    { name => 'no enhanced codes', option => { enhanced => 0, chunking => 0, pipelining => 0, '8bitmime' => 0 },
      hello => "250 localhost\r\n",
      in => $MAIL . "FOO\r\n", out => "250 Sender ok\r\n500 Command not known\r\n" },
    { name => 'SIZE', option => { size => 10, lhlo => ['SIZE 10'] }, hello => "250-localhost\r\n250 SIZE 10\r\n",
      in => "MAIL FROM:<a> SIZE=11\r\nMAIL FROM:<a> SIZE=x\r\nMAIL FROM:<a> SIZE=10\r\n",
      out => "552 5.3.4 Message too big\r\n$SYNTAX$MAILED" },

    # -- DATA
    { name => 'DATA before MAIL', in => "DATA\r\n", out => $ORDER },
    { name => 'DATA without RCPT', in => "${MAIL}DATA\r\n", out => $MAILED . $NO_RCPT },
    { name => 'DATA with an argument', in => "$MAIL${RCPT}DATA x\r\n", out => $MAILED . $RCPTED . $SYNTAX },
    { name => 'one recipient',
      in => "$MAIL${RCPT}DATA\r\nx: y\r\n\r\nz\r\n.\r\n", out => $ONE, data => ["x: y\r\n\r\nz\r\n"] },
    { name => 'no data', in => "$MAIL${RCPT}DATA\r\n.\r\n", out => $ONE, data => [''] },
    { name => 'dots',
      in => "$MAIL${RCPT}DATA\r\n..\r\n...x\r\na.\r\n\r\n..\r\n.\r\n", out => $MAILED . $RCPTED . $GO . $DONE,
      data => [".\r\n..x\r\na.\r\n\r\n.\r\n"] },
    { name => 'only CRLF dot CRLF ends it',
      in => "$MAIL${RCPT}DATA\r\na\n.\nb\n.\r\nc\r.\rd\r\r\n.\r\n", out => $MAILED . $RCPTED . $GO . $DONE,
      data => ["a\n.\nb\n.\r\nc\r.\rd\r\r\n"] },
    { name => 'three messages',
      in => "$MAIL${RCPT}DATA\r\n1\r\n.\r\n" x 3, out => $ONE x 3, data => [ ("1\r\n") x 3 ] },
    { name => 'one reply per accepted recipient',
      option => { rcpt => { 'no' => '550 5.1.1 No' }, final => { full => '452 4.2.2 Full' } },
      in => "${MAIL}RCPT TO:<b>\r\nRCPT TO:<no>\r\nRCPT TO:<full>\r\nRCPT TO:<b>\r\nDATA\r\n.\r\n",
      out => "$MAILED${RCPTED}550 5.1.1 No\r\n$RCPTED$RCPTED$GO${DONE}452 4.2.2 Full\r\n$DONE", data => [''],
      also => sub {
          my @seen = map { [ @$_{qw(address stage accepted reply)} ] } @{ $_[0]{recipients} };
          is_deeply(\@seen, [
              [ 'b', 'final', 1, '250 2.0.0 Delivered' ], [ 'no', 'rcpt', 0, '550 5.1.1 No' ],
              [ 'full', 'final', 0, '452 4.2.2 Full' ], [ 'b', 'final', 1, '250 2.0.0 Delivered' ],
          ], 'recipients, in order');
      } },
    { name => 'all refused', option => { rcpt => '550 5.1.1 No' },
      in => "$MAIL${RCPT}DATA\r\n", out => "${MAILED}550 5.1.1 No\r\n$NO_RCPT" },
    { name => 'a rule lets DATA through', option => { data => '354 Go' },
      in => "${MAIL}DATA\r\nq\r\n.\r\n", out => "${MAILED}354 Go\r\n$DONE", data => ["q\r\n"] },
    { name => 'DATA refused', option => { data => sub { "451 4.3.0 $_[1]" } },
      in => "$MAIL${RCPT}DATA\r\nNOOP\r\n", out => "$MAILED${RCPTED}451 4.3.0 1\r\n250 2.0.0 Ok\r\n" },
    { name => 'too big at the end', option => { size => 4, lhlo => [] }, hello => "250 localhost\r\n",
      in => "$MAIL$RCPT${RCPT}DATA\r\n12345\r\n.\r\n",
      out => $MAILED . $RCPTED x 2 . $GO . "552 5.3.4 Message too big\r\n" x 2, data => ["12345\r\n"] },
    { name => 'discarded', option => { discard => 1 },
      in => "$MAIL${RCPT}DATA\r\n..abc\r\n.\r\n", out => $ONE, data => [undef],
      also => sub {
          is($_[0]{size}, 6, 'size');
          is($_[0]{digest}, Digest::SHA::sha256_hex(".abc\r\n"), 'digest');
      } },

    # -- BDAT
    { name => 'BDAT in three', in => "$MAIL$RCPT${RCPT}BDAT 4\r\n..\r\nBDAT 0\r\nBDAT 3 LAST\r\n.\r\n",
      out => $MAILED . $RCPTED x 2 . $CHUNKED x 2 . $DONE x 2, data => ["..\r\n.\r\n"],
      also => sub { is($_[0]{by}, 'BDAT', 'by BDAT') } },
    { name => 'BDAT 0 LAST', in => "$MAIL${RCPT}bdat 0 last\r\n", out => $MAILED . $RCPTED . $DONE, data => [''] },
    { name => 'BDAT before MAIL', in => "BDAT 6\r\nNOOP\r\nBDAT 2 LAST\r\n\r\n", out => $ORDER x 2 },
    { name => 'BDAT without recipients',
      in => "${MAIL}BDAT 6 LAST\r\nNOOP\r\nRSET\r\n", out => "$MAILED${NO_RCPT}250 2.0.0 Reset\r\n" },
    { name => 'BDAT with bad arguments',
      in => "$MAIL${RCPT}BDAT x\r\nBDAT -1\r\nBDAT\r\nBDAT 1 LASTS\r\n",
      out => $MAILED . $RCPTED . $SYNTAX x 4 },
    { name => 'BDAT refused, and all later ones', option => { body => { '*' => '452 4.3.1 No room' } },
      in => "$MAIL${RCPT}BDAT 1\r\naBDAT 1\r\nbBDAT 1 LAST\r\nc" . "RSET\r\n$MAIL",
      out => "$MAILED${RCPTED}452 4.3.1 No room\r\n${ORDER}${ORDER}250 2.0.0 Reset\r\n$MAILED" },
    { name => 'DATA after BDAT',
      in => "$MAIL${RCPT}BDAT 1\r\naDATA\r\n$RCPT", out => $MAILED . $RCPTED . $CHUNKED . $ORDER x 2 },
    { name => 'binary by BDAT only', option => { lhlo => [qw(BINARYMIME CHUNKING)] },
      hello => "250-localhost\r\n250-BINARYMIME\r\n250 CHUNKING\r\n",
      in => "MAIL FROM:<a> BODY=BINARYMIME\r\n${RCPT}DATA\r\nBDAT 3 LAST\r\n\r\0\n",
      out => $MAILED . $RCPTED . $ORDER . $DONE, data => ["\r\0\n"] },
    { name => 'too big a chunk', option => { size => 4, lhlo => ['CHUNKING'] },
      hello => "250-localhost\r\n250 CHUNKING\r\n",
      in => "$MAIL${RCPT}BDAT 5\r\n12345", out => "$MAILED${RCPTED}552 5.3.4 Message too big\r\n" },

    # -- forms of replies
    { name => 'several lines', option => { final => [ '250 2.0.0 a', '250', '250 2.0.0 b' ] },
      in => "$MAIL${RCPT}DATA\r\n.\r\n",
      out => "$MAILED$RCPTED${GO}250-2.0.0 a\r\n250-\r\n250 2.0.0 b\r\n", data => [''] },
    { name => 'octets as they stand', option => { mail => \"250 a\n" }, in => "$MAIL$RCPT", out => "250 a\n$RCPTED" },
    { name => 'rules as code', option => { mail => sub { $_[0] eq 'a@example.org' ? '550 5.1.8 Not you' : undef } },
      in => "${MAIL}MAIL FROM:<c>\r\n", out => "550 5.1.8 Not you\r\n$MAILED" },
    { name => 'the message in a rule', option => { final => sub { "250 2.0.0 $_[0] $_[1]{data}" } },
      in => "$MAIL${RCPT}BDAT 2 LAST\r\nhi",
      out => "$MAILED${RCPTED}250 2.0.0 b\@example.org hi\r\n", data => ['hi'] },
    { name => 'patterns',
      option => { rcpt => { '*@bad.example' => '550 5.1.1 Bad', 'a*@*' => '550 5.1.1 A', 'ok@bad.example' => undef, '*' => '250 rest' } },
      in => $MAIL . join('', map { "RCPT TO:<$_>\r\n" } 'x@bad.example', 'ok@bad.example', 'a@bad.example', 'a@b', 'xbad.example', 'b@bad_example'),
      out => "${MAILED}550 5.1.1 Bad\r\n${RCPTED}550 5.1.1 Bad\r\n550 5.1.1 A\r\n250 rest\r\n250 rest\r\n" },
    { name => 'other verbs', option => { verbs => { NOOP => '250 here', EXPN => '250 b@example.org' } },
      in => "NOOP\r\nexpn x\r\nFOO\r\n",
      out => "250 here\r\n250 b\@example.org\r\n$UNKNOWN" },
    { name => '421 ends it', option => { rcpt => '421 4.3.2 Going' },
      in => $MAIL . $RCPT . $RCPT, out => "${MAILED}421 4.3.2 Going\r\n", end => 'fin' },
    { name => '421 ends it behind all final replies', option => { final => { a => '421 4.3.2 Going' } },
      in => "${MAIL}RCPT TO:<a>\r\n${RCPT}DATA\r\n.\r\nNOOP\r\n",
      out => $MAILED . $RCPTED x 2 . "${GO}421 4.3.2 Going\r\n$DONE", data => [''], end => 'fin' },

    # -- faults
    { name => 'missing', option => { missing => 1 },
      in => "$MAIL$RCPT${RCPT}DATA\r\n.\r\n", out => $MAILED . $RCPTED x 2 . $GO . $DONE, data => [''] },
    { name => 'more missing than there are', option => { missing => 9 },
      in => "$MAIL${RCPT}DATA\r\n.\r\n", out => $MAILED . $RCPTED . $GO, data => [''] },
    { name => 'extra', option => { extra => 2 },
      in => "$MAIL${RCPT}DATA\r\n.\r\n",
      out => $MAILED . $RCPTED . $GO . $DONE . "250 2.0.0 One reply too many\r\n" x 2, data => [''] },
    { name => 'joined', option => { joined => 1, final => { c => '550 5.2.0 c' } },
      in => "$MAIL${RCPT}RCPT TO:<c>\r\nDATA\r\n.\r\n",
      out => $MAILED . $RCPTED x 2 . "${GO}250-2.0.0 Delivered\r\n550 5.2.0 c\r\n", data => [''] },
    { name => 'close in place of the first', option => { close_at => { stage => 'rcpt' } },
      in => $MAIL . $RCPT . $RCPT, out => $MAILED, end => 'fin' },
    { name => 'close after one final', option => { close_at => { stage => 'final', after => 1 }, reset => 1 },
      in => "$MAIL$RCPT${RCPT}DATA\r\n.\r\n",
      out => $MAILED . $RCPTED x 2 . $GO . $DONE, data => [''], end => 'reset' },
    { name => 'close after two messages', option => { close_after => 2 },
      in => "$MAIL${RCPT}DATA\r\n.\r\n" x 3, out => $ONE x 2, data => [ '', '' ], end => 'fin' },
    { name => 'closing counts messages', option => { close_at => { stage => 'final', after => 1 } },
      in => "MAIL FROM:<>\r\nBDAT 2 LAST\r\n\r\nRSET\r\nDATA\r\n$MAIL${RCPT}BDAT 0 LAST\r\n",
      out => "$MAILED${NO_RCPT}250 2.0.0 Reset\r\n$ORDER$MAILED$RCPTED$DONE", data => [''], end => 'fin' },
    { name => 'garbage counts messages', option => { garbage => { stage => 'data', line => 'what?' } },
      in => "DATA\r\n${MAIL}DATA\r\n${RCPT}DATA\r\n.\r\n", out => "$ORDER$MAILED$NO_RCPT${RCPTED}what?\r\n$DONE", data => [''] },
    { name => 'garbage', option => { garbage => { stage => 'rcpt', after => 1, line => 'what?' } },
      in => $MAIL . $RCPT x 3, out => "$MAILED${RCPTED}what?\r\n$RCPTED" },
    { name => 'faults for another link', option => { missing => 1, only_link => 2 },
      in => "$MAIL${RCPT}DATA\r\n.\r\n", out => $ONE, data => [''] },
    { name => 'faults for this link', option => { missing => 1, only_link => 1 },
      in => "$MAIL${RCPT}DATA\r\n.\r\n", out => $MAILED . $RCPTED . $GO, data => [''] },
);

# Runs $input in pieces of the lengths that $next gives.
sub run_session {
    my ($case, $input, $next) = @_;
    my @messages;
    my $session = Mail::Wire::Sink::LMTP->new(
        script     => Mail::Wire::Sink::Script->new(%{ $case->{option} || {} }),
        on_message => sub { push @messages, $_[0] },
    );
    $session->start;
    while (length $input) { $session->feed(substr $input, 0, $next->(), '') }
    my $out = $session->out->drain;
    my ($kind, $how) = $session->out->next_item(0);
    return { out => $out, end => $kind eq 'end' ? $how : undef, messages => \@messages };
}

srand 50;
my %split = (
    whole    => sub { 1_000_000 },
    bytes    => sub { 1 },
    random   => sub { 1 + int rand 9 },
    'larger' => sub { 1 + int rand 60 },
);

for my $case (@cases) {
    my $hello = defined $case->{hello} ? $case->{hello} : $HELLOED;
    my $input = ($case->{bare} ? '' : $HELLO) . $case->{in};
    my $want  = $GREETED . ($case->{bare} ? '' : $hello) . $case->{out};
    for my $split (sort keys %split) {
        my $got = run_session($case, $input, $split{$split});
        is($got->{out}, $want, "$case->{name}, $split: replies");
        is($got->{end}, $case->{end}, "$case->{name}, $split: end");
        is_deeply([ map { $_->{data} } @{ $got->{messages} } ], $case->{data} || [], "$case->{name}, $split: data");
        $case->{also}->($got->{messages}[0]) if $case->{also};
    }
}

# Closing at each octet, in and out: nothing but a beginning of the replies.
my $input   = "$HELLO$MAIL${RCPT}DATA\r\n..a\r\n.\r\n${MAIL}${RCPT}BDAT 3 LAST\r\nabcQUIT\r\n";
my $replies = run_session({}, $input, $split{whole})->{out};
for my $in (0 .. length $input) {
    my $option = { close_at => { in => $in } };
    my $plain  = run_session({}, substr($input, 0, $in), $split{random});
    my $got    = run_session({ option => $option }, $input, $split{larger});
    is_deeply($got, { %$plain, end => 'fin', out => $in ? $plain->{out} : '' }, "closed after $in octets in");
}
for my $out (0 .. length $replies) {
    my $got = run_session({ option => { close_at => { out => $out } } }, $input, $split{whole});
    is($got->{out}, substr($replies, 0, $out), "closed after $out octets out: replies");
    is($got->{end}, 'fin', "closed after $out octets out: end");
}

for my $case (
    [ { early => { in => 9, send => "421 4.3.2 Now\r\n", close => 1 } }, "${GREETED}${HELLOED}421 4.3.2 Now\r\n", 'fin' ],
    [ { early => { in => 0, send => '!' } }, "!$GREETED$HELLOED$MAILED", undef ],
    [ { early => { in => 20, send => '!' } }, "$GREETED$HELLOED!$MAILED", undef ],
) {
    my ($option, $want, $end) = @$case;
    for my $split (sort keys %split) {
        my $got = run_session({ option => $option }, $HELLO . $MAIL, $split{$split});
        is($got->{out}, $want, "early at $option->{early}{in}, $split: replies");
        is($got->{end}, $end, "early at $option->{early}{in}, $split: end");
    }
}

{
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    my $got = run_session({ option => { mail => sub { die "no rule\n" } } }, $HELLO . $MAIL, $split{whole});
    is($got->{out}, "$GREETED${HELLOED}451 4.3.0 Rule 'mail' failed\r\n", 'a rule that dies is a 451');
    is_deeply(\@warnings, ["Mail::Wire::Sink: rule 'mail' for 'a\@example.org' died: no rule\n"], 'and a warning');
}

# A rule of code that fails, in each place that asks one.
for my $case (
    [ 'dies', sub { die "broken\n" }, qr/ died: broken\z/ ],
    [ 'dies with nothing', sub { die bless [], 'Silent' }, qr/ died: without a word\z/ ],
    [ 'leaves a loop', sub { no warnings; next }, qr/ died: without a word\z/ ],
    [ 'is undefined', \&not_there, qr/ died: Undefined subroutine/ ],
    [ 'text', sub {'oops'}, qr/ returned what is no reply: .* not 'oops'\z/ ],
    [ 'nothing', sub {''}, qr/ returned what is no reply: .* not ''\z/ ],
    [ 'number', sub {25}, qr/no reply: / ],
    [ 'two replies', sub {"250 a\r\n250 b"}, qr/no reply: .*without line ends/ ],
    [ 'wide', sub {"250 \x{263a}"}, qr/no reply: it must be octets/ ],
    [ 'wide octets', sub { \"250 \x{263a}" }, qr/no reply: it must be octets/ ],
    [ 'octets of nothing', sub { \undef }, qr/no reply: / ],
    [ 'hash', sub { {} }, qr/no reply: .*not a reference/ ],
    [ 'code', sub { sub {'250 ok'} }, qr/no reply: .*not a reference/ ],
    [ 'empty list', sub { [] }, qr/no reply: it must have a line/ ],
    [ 'list', sub { [ '250 a', undef ] }, qr/no reply: .*not undef/ ],
) {
    my ($name, $code, $want) = @$case;
    my $all = "$HELLO$MAIL$RCPT${RCPT}BDAT 1\r\nxRSET\r\n$MAIL${RCPT}DATA\r\nFOO\r\n";
    for my $rule (qw(greeting mail rcpt data body verbs)) {
        local $SIG{__WARN__} = sub { };
        my $option = { $rule => $code };
        my $input  = $rule eq 'verbs' ? "FOO\r\n" : $all;
        like(run_session({ option => $option }, $input, $split{whole})->{out}, qr/^451 4\.3\.0 Rule '$rule' failed\r$/m, "$name, $rule");
    }
    my @warnings;
    local $SIG{__WARN__} = sub { my ($text) = @_; chomp $text; push @warnings, $text };
    my $got = run_session({ option => { final => { bad => $code } } },
        "$HELLO$MAIL${RCPT}RCPT TO:<bad>\r\n${RCPT}DATA\r\n.\r\n$MAIL", $split{whole});
    is($got->{out}, $GREETED . $HELLOED . $MAILED . $RCPTED x 3 . "$GO${DONE}451 4.3.0 Rule 'final' failed\r\n$DONE$MAILED",
        "$name, final: a 451 in its place");
    is_deeply([ map { $_->{accepted} } @{ $got->{messages}[0]{recipients} } ], [ 1, 0, 1 ], "$name, final: no success");
    is(scalar @warnings, 1, "$name: said once");
    like($warnings[0], $want, "$name: said why");
    like($warnings[0], qr/\AMail::Wire::Sink: rule 'final' for 'bad' /, "$name: said where");
}

{
    package Silent;
    use overload '""' => sub {''}, 'bool' => sub {0}, fallback => 1;
}

done_testing;
