# Every option and argument, with every kind of value: what is wrong with one is said in words of ours, at the caller's line. Perl's own
# would name a line of a module.

use strict;
use warnings;

use Socket;
use Test::More;

use lib 't/lib';
use Mail::Wire;
use Mail::Wire::Sink;
use Net::LMTP;
use Net::QMTP;

{
    package Text;   use overload '""' => sub { ${ $_[0] } }, fallback => 1;
    package Object; sub new { return bless {}, $_[0] }
}

my $text = '5';
open my $in, '<', $0 or die "$0: $!";
my @values = (
    undef, '', ' ', 'x', "x\n", "1\n", 0, 1, -1, 1.5, 1e30, 'nan', '0 but true', "\0", "\x{263a}", "\xe9", [], [undef], ['x'], {}, { a => undef },
    \1, \undef, qr/x/, Object->new, bless(\$text, 'Text'), $in,
);

my $alien = qr{ at \S*\b(?:Mail/Wire|Net/[LQ]MTP|IO/Socket)\S* line };
my ($what, @said);
$SIG{__WARN__} = sub { push @said, "$what: $_[0]" if $_[0] =~ $alien };

sub tried {
    my ($name, $value, $code) = @_;
    $what = "$name => " . (!defined $value ? 'undef' : ref $value || "'$value'");
    my $ok = eval { $code->(); 1 };
    push @said, "$what: $@" if not $ok and $@ =~ $alien;
    return;
}

sub none_said {
    my ($name) = @_;
    is(scalar @said, 0, $name) or diag @said;
    @said = ();
    return;
}

my %sink = map { $_ => Mail::Wire::Sink->new(protocol => $_) } qw(lmtp qmtp);
my %server = map { $_ => [ Host => $sink{$_}->host, Port => $sink{$_}->port, Timeout => 20 ] } qw(lmtp qmtp);

# ---- options of new

for my $class (qw(Net::LMTP Net::QMTP)) {
    my $server = $server{ lc substr $class, 5 };
    my @tls = Mail::Wire::TLS::is_there() ? qw(SSL_verify_mode SSL_verifycn_name SSL_hostname SSL_fingerprint SSL_ca_file SSL_cert SSL_key SSL_ca) : ();
    for my $option ($class->_option_names, @tls) {
        next if $option eq 'Debug';    # shows what is said
        for my $value (@values) {
            my @tls_too = $option =~ /^SSL/ ? (SSL => 1, Timeout => 0.1) : ();
            tried("$class, $option", $value, sub { my $client = $class->new(@$server, @tls_too, $option => $value); $client->disconnect if $client });
        }
    }
    none_said("$class: options of new");
}

# ---- those of a message, of a sender and of a recipient

my @message = qw(
    From To Data File Range Deadline Progress Encoding Size Return Bits Transaction Envelope ENVID AUTH XVERP SMTPUTF8 DeliverBy MTPriority
    HoldFor HoldUntil RequireTLS Params);
my @recipient = qw(Notify ORcpt OriginalRecipient RRVS IgnoreQuota XRcptForward Params SkipBad);
my $lmtp = Net::LMTP->new(@{ $server{lmtp} }) or die $@;
my $qmtp = Net::QMTP->new(@{ $server{qmtp} }) or die $@;
sub message { return (From => 'a@x', To => ['b@x'], Data => "x\n", @_) }
sub link_of { $lmtp = Net::LMTP->new(@{ $server{lmtp} }) || die $@ if !$lmtp->opened; return $lmtp }

for my $value (@values) {
    for my $option (@message) {
        my %order = message($option => $value);
        delete $order{Data} if $option eq 'File' or $option eq 'Range';
        tried("deliver, $option", $value, sub { link_of()->deliver(%order) });
        tried("submit, $option",  $value, sub { link_of()->submit(%order); $lmtp->collect });
        tried("Net::QMTP::deliver, $option", $value, sub { $qmtp->deliver(%order) });
        tried("mail, $option", $value, sub { link_of()->mail('a@x', $option => $value); $lmtp->reset });
    }
    for my $option (@recipient) {
        tried("deliver to one, $option", $value, sub { link_of()->deliver(message(To => [ [ 'b@x', { $option => $value } ] ])) });
        tried("recipient, $option", $value, sub { link_of()->mail('a@x'); $lmtp->recipient('b@x', { $option => $value }); $lmtp->reset });
    }
}
none_said('deliver, submit, mail, recipient');

# ---- arguments

my @methods = qw(
    mail recipient send send_or_mail data bdat datasend rawdatasend bdatlast expand verify etrn help hello command _MAIL _RCPT _VRFY _BDAT
    message code ok supports auth timeout set_status ungetline parse_response submit deliver collect);
for my $value (grep { !ref || ref ne 'GLOB' } @values) {
    for my $method (@methods) {
        tried($method, $value, sub { link_of()->$method($value); $lmtp->close });
        tried("$method of two", $value, sub { link_of()->$method($value, $value); $lmtp->close });
    }
    for my $method (qw(sender recipient server message message_from_file encoding new_envelope new_message deliver submit)) {
        tried("Net::QMTP::$method", $value, sub { $qmtp->$method($value) });
    }
    tried('Mail::Wire::connect', $value, sub { Mail::Wire->connect($value) });
}
none_said('methods');

# ---- what some of them are refused for

for my $case (
    [ [ Host => {} ],         qr/a reference is no name/ ],
    [ [ LocalAddr => [] ],    qr/a reference is no name/ ],
    [ [ Domain => 'inet' ],   qr/Domain and Family are numbers.* not 'inet'/ ],
    [ [ Trace => $in ],       qr/Trace must be .*to print to/ ],
    [ [ Socket => datagram() ], qr/no stream socket/ ],
    !Mail::Wire::TLS::is_there() ? () : (map {
        my $option = $_;
        map { [ [ SSL => 1, $option => $_ ], qr/$option must be a .*of Net::SSLeay/ ] } '', 0, 1, 5, '4096', 70_001, '12345678x', 1e30, 'nan', {}, \1, sub { }, [], [undef],
            [ 65_536, 1 ]
    } qw(SSL_cert SSL_key SSL_ca)),
    Mail::Wire::TLS::is_there() ? [ [ SSL => 1, SSL_verify_mode => '' ], qr/SSL_verify_mode must be a number.* not ''/ ] : (),
) {
    my ($option, $why) = @$case;
    for my $class (qw(Net::LMTP Net::QMTP)) {
        ok(!$class->new(@{ $server{lmtp} }, @$option), "$class: @$option is refused");
        like($@, $why, '... and why');
    }
}

sub datagram {
    socketpair my $one, our $other, AF_UNIX, SOCK_DGRAM, PF_UNSPEC or die "socketpair: $!";
    return $one;
}

my $fresh = Net::LMTP->new(@{ $server{lmtp} }) or die $@;
is($fresh->supports('NOTHING', 500), undef, 'supports with a code alone');
is($fresh->code, 500, '... which is the status');

done_testing;
