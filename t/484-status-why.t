# After every call that is false, code and message say why.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;
use Net::LMTP;

my @keywords = ('SIZE 1000', qw(CHUNKING BINARYMIME 8BITMIME));
my $closed   = '[Net::LMTP] Connection closed';

sub envelope {
    my ($lmtp, @option) = @_;
    return $lmtp->mail('a@x', @option) && $lmtp->to('b@x');
}

my @cases = (
    [ 'datasend without a transaction', [], sub {1}, sub { $_[0]->datasend("x\n") }, 503, qr/data comes first/ ],
    [ 'datasend without data', [], \&envelope, sub { $_[0]->datasend("x\n") }, 503, qr/data comes first/ ],
    [ 'datasend of a reference', [], \&envelope, sub { $_[0]->datasend(\"x\n") }, 503, qr/data comes first/ ],
    [ 'datasend of a list', [], \&envelope, sub { $_[0]->datasend([ "x\n", "y\n" ]) }, 503, qr/data comes first/ ],
    [ 'dataend behind it', [], sub { envelope($_[0]) && !$_[0]->datasend("x\n") && $_[0]->_NOOP }, sub { $_[0]->dataend }, 503, qr/data comes first/ ],
    [ 'datasend behind dataend', [], sub { envelope($_[0]) && $_[0]->data("x\n") }, sub { $_[0]->datasend("y\n") }, 503, qr/data comes first/ ],
    [ 'datasend behind a refused DATA', [ DATA => '451 no' ], sub { envelope($_[0]) && !$_[0]->data }, sub { $_[0]->datasend("x\n") }, 451, qr/\Ano$/ ],
    [ 'datasend behind a command there', [ DATA => '451 no' ], sub { envelope($_[0]) && !$_[0]->data && $_[0]->_NOOP }, sub { $_[0]->datasend("x\n") }, 451, qr/\Ano$/ ],
    [ 'bdat without CHUNKING', [ keywords => ['SIZE 1'] ], \&envelope, sub { $_[0]->bdat("x\n") }, 503, qr/CHUNKING is not offered/ ],
    [ 'bdatlast without CHUNKING', [ keywords => ['SIZE 1'] ], \&envelope, sub { $_[0]->bdatlast("x\n") }, 503, qr/CHUNKING is not offered/ ],
    [ 'bdat without a transaction', [], sub {1}, sub { $_[0]->bdat("x\n") }, 503, qr/no recipient is accepted/ ],
    [ 'bdatlast without a recipient', [], sub { $_[0]->mail('a@x') }, sub { $_[0]->bdatlast("x\n") }, 503, qr/no recipient is accepted/ ],
    [ 'bdatlast behind LHLO', [], sub { envelope($_[0]) && $_[0]->bdat("x\n") && $_[0]->hello('x') }, sub { $_[0]->bdatlast("x\n") }, 503, qr/out of place/ ],
    [ 'data after BINARYMIME', [], sub { envelope($_[0], Bits => 'binary') }, sub { $_[0]->data("x\n") }, 503, qr/BINARYMIME: bdat/ ],
    [ 'data alone after BINARYMIME', [], sub { envelope($_[0], Bits => 'binary') }, sub { $_[0]->data }, 503, qr/BINARYMIME: bdat/ ],
    [ 'a second close', [], sub { $_[0]->close }, sub { $_[0]->close }, 421, qr/\A\Q$closed\E\z/ ],
    [ 'close behind quit', [], sub { $_[0]->quit }, sub { $_[0]->close }, 421, qr/\A\Q$closed\E\z/ ],
    [ 'no address', [], sub { $_[0]->mail('a@x') }, sub { $_[0]->recipient }, 501, qr/no address/ ],
    [ 'no content', [], \&envelope, sub { $_[0]->data([]) }, 501, qr/empty list/ ],
    [ 'an address with a line break', [], sub { $_[0]->mail('a@x') }, sub { $_[0]->to("b\nc\@x") }, 501, qr/b.*c\@x/ ],
    [ 'a negative timeout', [], sub {1}, sub { $_[0]->timeout(-1) }, 501, qr/Timeout/ ],
    [ 'ETRN that is not offered', [], sub {1}, sub { $_[0]->etrn('x') }, 500, qr/ETRN/ ],
    [ 'auth that is not offered', [], sub {1}, sub { $_[0]->auth('a', 'b') }, 500, qr/AUTH/ ],
    [ 'auth without a password', [], sub {1}, sub { $_[0]->auth('a') }, 501, qr/Password/ ],
    [ 'auth inside a transaction', [ keywords => ['AUTH PLAIN'] ], sub { $_[0]->mail('a@x') }, sub { $_[0]->auth('a', 'b') }, 503, qr/transaction/ ],
    [ 'turn', [], sub {1}, sub { $_[0]->_TURN }, 580, qr/Unsupported/ ],
    map({ my $method = $_; [ "$method after close", [], sub { $_[0]->close }, sub { $_[0]->$method('x') }, 421, qr/\A\Q$closed\E\z/ ] }
        qw(mail to recipient data datasend dataend rawdatasend reset verify expand help bdat bdatlast _NOOP hello)),
);

for my $case (@cases) {
    my ($name, $server, $before, $call, $code, $words) = @$case;
    my %place = (keywords => \@keywords, @$server);
    my ($lmtp, $script);
    my @warnings = warnings_of {
        ($lmtp, $script) = session(%place);
        ok($before->($lmtp), "$name: so far");
        ok(!$call->($lmtp), "$name is false");
    };
    is($lmtp->code, $code, '... the code');
    like(scalar $lmtp->message, $words, '... the words');
    is(scalar(grep { !/CHUNKING is (?:in use|not offered)|option not supported/ } @warnings), 0, '... no warning') or diag @warnings;
}

for my $new ([ 'no host', [], qr/no host specified/ ], [ 'an empty host', [ Host => '', Port => 24 ], qr/no host specified/ ], [ 'no port', ['localhost'], qr/no port specified/ ]) {
    my ($name, $arguments, $words) = @$new;
    my $lmtp;
    my @warnings = warnings_of { $@ = ''; $lmtp = Net::LMTP->new(@$arguments) };
    ok(!$lmtp, "new with $name is false");
    like($@, $words, '... and says why');
}

# ---- a delivery that loses the link

for my $case (
    [ 'a server that closes',   [ close => undef ],          [], qr/\A\Q$closed\E\z/ ],
    [ 'its farewell',           [ reply => '421 good bye' ], [], qr/\Agood bye$/ ],
    [ 'what is no reply',       [ data => undef, reply => 'good day' ], [], qr/\A\[Net::LMTP\] a line that is no reply\z/ ],
    [ 'a wait that runs out',   [ stall => 'here' ],         [ Deadline => 0.1 ], qr/\A\[Net::LMTP\] Timeout\z/ ],
    [ 'Progress that dies',     [ stall => 'here' ],         [ Data => 'x' x 8_000_000, Progress => sub { die "no more\n" if $_[0] } ], qr/\A\[Net::LMTP\] Interrupted\z/ ],
) {
    my ($name, $script, $options, $words) = @$case;
    my ($lmtp, $server) = script(expect => qr/^MAIL/, reply => '250 ok', expect => qr/^RCPT/, reply => '250 ok', expect => 'DATA', reply => '354 go', @$script);
    my $lived = eval { $lmtp->deliver(From => 'a@x', To => ['b@x'], Data => "x\n", @$options); 1 };
    is($lived || $@, $name =~ /dies/ ? "no more\n" : 1, "a delivery and $name");
    is($lmtp->code, 421, '... the code');
    like(scalar $lmtp->message, $words, '... the words');
    like($lmtp->last_error, qr/\A421 /, '... the last error');
    ok(!$lmtp->is_connected, '... there is no link any more');
}

done_testing;
