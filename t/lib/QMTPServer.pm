package QMTPServer;

# QMTP on top of ScriptedServer.
#
#   my $server = QMTPServer->new([ 'Kok', 'Dno' ], ...);    # the answers to package 1, 2 ...
#   my $server = QMTPServer->new({ listen => 'unix' }, sub { my ($peer) = @_; ... });
#
#   my $server = QMTPServer::saying(2, '4:Kone,', 'close');   takes so many packages, says this, and does that
#   my $server = QMTPServer::holding(1);                      takes so many, stalls, says "K" to each, and accepts what comes then
#   my $server = QMTPServer::trickling();                     takes one, and says an answer of which a byte comes every tenth of a second
#
#   QMTPServer::take($peer)                 in a script: reads a package, all of it. Returns how many recipients it has
#   QMTPServer::sip($peer)                  in a script: reads the beginning of a large package, no more
#   QMTPServer::accepts($peer)              in a script: takes all that comes, each with "Kok"
#   QMTPServer::hang_up($peer)              in a script: closes, whatever is unread
#   QMTPServer::netstring(@texts)           as they go over the wire
#   QMTPServer::packages($bytes)            taken apart: { eol, message, sender, rcpts }, with `rest`
#                                           for bytes that are no whole package
#   QMTPServer::client($server, %options)   a Net::QMTP that is connected to it
#   QMTPServer::bad_answers, ends           what servers say and do that is wrong: see there
#   QMTPServer::order('ab', $data, ...)     what its deliver and submit take: from s to a and b

use strict;
use warnings;

use Socket qw(SOL_SOCKET SO_LINGER);

use ScriptedServer;

sub new {
    my ($class, @answers) = @_;
    my %option = ref $answers[0] eq 'HASH' ? %{ shift @answers } : ();
    my $script = ref $answers[0] eq 'CODE' ? $answers[0] : sub {
        my ($peer) = @_;
        for my $answers (@answers) {
            take($peer);
            $peer->send(netstring(@$answers));
        }
    };
    return ScriptedServer->new(%option, script => $script);
}

sub saying {
    my ($packages, $says, $then) = @_;
    return QMTPServer->new(sub {
        my ($peer) = @_;
        take($peer) for 1 .. $packages;
        $peer->send($says) if length $says;
        $peer->$then if $then;
    });
}

sub holding {
    my ($packages) = @_;
    return saying($packages, '', sub {
        my ($peer) = @_;
        $peer->stall;
        $peer->send('1:K,' x $packages);
        accepts($peer);
    });
}

sub trickling {
    return saying(1, '200:K', sub {
        my ($peer) = @_;
        for (1 .. 600) {
            select undef, undef, undef, 0.1;
            eval { $peer->send('x'); 1 } or return;
        }
    });
}

sub order {
    my ($to, $data, %more) = @_;
    return (From => 's', To => [ split //, $to ], Data => $data, %more);
}

# Answers to two recipients that are none: what they are, the bytes, what each recipient has of them, and what error says.
sub bad_answers {
    return (
        [ 'an empty answer'           => '0:,',               [ '450?', '450?' ], 'K, Z and D' ],
        [ 'another letter'            => '4:Xone,',           [ '450?', '450?' ], 'K, Z and D' ],
        [ 'another letter, later'     => '4:Kone,4:Xtwo,',    [ '250',  '450?' ], 'K, Z and D' ],
        [ 'a reply of SMTP'           => "250 ok\r\n",        [ '450?', '450?' ], 'not a netstring' ],
        [ 'a leading zero'            => '04:Kone,',          [ '450?', '450?' ], 'not a netstring' ],
        [ 'a length that is too low'  => '4:Kone,3:Dtwo,',    [ '250',  '450?' ], 'not a netstring' ],
        [ 'a length that is too high' => '6:Kone,4:Ktwo,',    [ '450?', '450?' ], 'not a netstring' ],
        [ 'a length over the limit'   => '4:Done,99999:Ktwo', [ '550',  '450?' ], 'over the limit' ],
        [ 'an answer too many'        => '2:K1,2:D2,2:K3,',   [ '250',  '550' ],  'no package asked for' ],
    );
}

# Ways to end a link: name => code of a script.
sub ends {
    return (
        closed   => \&hang_up,
        reset    => sub { setsockopt $_[0]{peer}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0; hang_up($_[0]) },
        finished => sub { $_[0]->finish },
    );
}

sub client {
    my ($server, %option) = @_;
    return Net::QMTP->new(defined $server->path ? $server->path : ($server->host, Port => $server->port), %option);
}

sub netstring { return join '', map { length($_) . ":$_," } @_ }

sub take {
    my ($peer) = @_;
    my $part;
    for (1 .. 3) {
        my $digits = '';
        while ((my $byte = $peer->bytes(1)) ne ':') { $digits .= $byte }
        $part = $peer->bytes($digits + 1);
    }
    chop $part;
    my $count = 0;
    $count++ while defined _cut(\$part);
    return $count;
}

sub accepts {
    my ($peer) = @_;
    while (1) { $peer->send(netstring(('Kok') x take($peer))) }
    return;
}

# The server's own verbs read all that has come, which may be a package's end. So does answering the test, which may have
# asked something before its package was seen here.
sub sip {
    my ($peer) = @_;
    $peer->more until length $peer->{in};
    return;
}

sub hang_up {
    my ($peer) = @_;
    close $peer->{peer};
    $peer->{eof} = 1;
    return;
}

sub packages {
    my ($bytes) = @_;
    my @packages;
    while (length $bytes) {
        my $rest = $bytes;
        my @part = grep {defined} map { _cut(\$bytes) } 1 .. 3;
        return @packages, { rest => $rest } if @part < 3;
        my ($list, @rcpts) = $part[2];
        while (defined(my $rcpt = _cut(\$list))) { push @rcpts, $rcpt }
        push @packages, {
            eol => substr($part[0], 0, 1), message => substr($part[0], 1), sender => $part[1], rcpts => \@rcpts,
        };
    }
    return @packages;
}

sub _cut {
    my ($bytes) = @_;
    return undef if $$bytes !~ /\A(0|[1-9][0-9]*):/;
    my ($from, $size) = ($+[0], $1);
    return undef if length $$bytes <= $from + $size || substr($$bytes, $from + $size, 1) ne ',';
    my $text = substr $$bytes, $from, $size;
    substr $$bytes, 0, $from + $size + 1, '';
    return $text;
}

1;
