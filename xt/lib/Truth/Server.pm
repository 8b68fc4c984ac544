package Truth::Server;

# An LMTP server that keeps the truth: which recipient was told what, about which content. How it behaves on a link, it reads off
# the client's LHLO name: "seed-TRAITS-NUMBER.test". The truth of each link comes when it has ended:
# [ recipient, code, content ] for each reply to a message's end, in order.
#
# Traits, a letter each:
#   p c   offers PIPELINING, CHUNKING
#   k     keeps a transaction over LHLO (Cyrus 3.6)
#   n     refuses a MAIL inside a transaction by 503
#   r     refuses now and then: MAIL, RCPT, DATA, RSET, chunks, finals
#   s     says a stray 250 or 550 behind a reply now and then, at once
#   x     closes now and then, or says 421 and closes
#   e     runs the bytes of a chunk that it refuses
#   o     answers a second LHLO oddly

use strict;
use warnings;

use ServerProcess qw(put_frame get_frame);

our @ISA = 'ServerProcess';

sub new {
    my ($class) = @_;
    my $self = $class->SUPER::new;
    $self->listen_on('ipv4');
    return $self->start(\&serve);
}

# What the link that ended last was told: a list of [ recipient, code, content ].
sub truth {
    my ($self) = @_;
    my $told = get_frame($self->{control}) || die 'the server is gone';
    return @$told;
}

# ---- the child

sub serve {
    my ($listener, $control) = @_;
    while (accept my $socket, $listener) {
        my $link = Truth::Server::Link->new(socket => $socket, data => '', rcpts => undef, traits => '', told => []);
        eval { $link->session; 1 } or $@ eq "over\n" or die $@;
        close $socket;
        put_frame($control, $link->{told}) or last;
    }
    return;
}

package Truth::Server::Link;

use LMTPPeer;

our @ISA = 'LMTPPeer';

sub greeting { return $_[0]->put("220 truth.test LMTP\r\n") }

sub do_noop  { return $_[0]->say('250 2.0.0 noop') }
sub do_vrfy  { return $_[0]->say('252 2.0.0 perhaps') }
sub do_other { return $_[0]->say('500 5.5.1 what') }

sub do_quit {
    my ($self) = @_;
    $self->say('221 2.0.0 bye');
    die "over\n";
}

sub has { return index($_[0]{traits}, $_[1]) >= 0 }

# True one time in n, by the link's own numbers.
sub chance {
    my ($self, $trait, $n) = @_;
    return 0 if not $self->has($trait);
    $self->{random} = ($self->{random} * 1103515245 + 12345) & 0x7fffffff;
    return ($self->{random} >> 8) % $n == 0;
}

sub more {
    my ($self) = @_;
    sysread $self->{socket}, $self->{in}, 65536, length $self->{in} or die "over\n";
    return;
}

sub put {
    my ($self, $bytes) = @_;
    defined syswrite $self->{socket}, $bytes or die "over\n";
    return;
}

sub say {
    my ($self, @lines) = @_;
    die "over\n" if $self->chance('x', 60);
    if ($self->chance('x', 60)) {
        $self->put("421 4.3.2 going down\r\n");
        die "over\n";
    }
    my $text = join '', map {"$_\r\n"} @lines;
    $text .= $self->chance('s', 2) ? "250 2.0.0 stray\r\n" : "550 5.0.0 stray\r\n" if $self->chance('s', 25);
    $self->put($text);
    return;
}

sub do_lhlo {
    my ($self, $name) = @_;
    if ($name =~ /seed-(\w*)-(\d+)/ and not $self->{greeted}) {
        @$self{qw(traits random)} = ($1, $2 * 7919 + 13);
    }
    $self->{rcpts} = undef if not $self->has('k');
    my @odd = ('450 4.0.0 later', '250 OK', '503 5.5.1 again');
    return $self->say($odd[ $self->{random} % @odd ]) if $self->{greeted}++ and $self->has('o');
    my @offers = (('PIPELINING') x $self->has('p'), ('CHUNKING') x $self->has('c'), '8BITMIME');
    my $last = pop @offers;
    return $self->say('250-truth.test', (map {"250-$_"} @offers), "250 $last");
}

sub do_mail {
    my ($self) = @_;
    return $self->say('503 5.5.1 nested MAIL') if $self->{rcpts} and $self->has('n');
    return $self->say('451 4.3.0 not this sender') if $self->chance('r', 8);
    @$self{qw(rcpts data)} = ([], '');
    return $self->say('250 2.1.0 sender');
}

sub do_rcpt {
    my ($self, $path) = @_;
    return $self->say('503 5.5.1 MAIL first') if not $self->{rcpts};
    return $self->say('550 5.1.1 unknown') if $self->chance('r', 6) or $path !~ /<(.*)>/;
    push @{ $self->{rcpts} }, $path =~ /<(.*)>/;
    return $self->say('250 2.1.5 recipient');
}

sub do_rset {
    my ($self) = @_;
    return $self->say('451 4.3.0 not now') if $self->chance('r', 8);
    $self->{rcpts} = undef;
    return $self->say('250 2.0.0 reset');
}

sub do_data {
    my ($self) = @_;
    return $self->say('503 5.5.1 no recipients') if not $self->{rcpts} or not @{ $self->{rcpts} };
    if ($self->chance('r', 8)) {
        $self->{rcpts} = undef if not $self->has('k');
        return $self->say('451 4.3.0 no data');
    }
    # A stray 550 behind it would be the server's early refusal of the content.
    $self->put("354 go ahead\r\n");
    (my $content = $self->data) =~ s/^\.//mg;
    $content =~ s/\r\n/\n/g;
    return $self->finals($content);
}

sub do_bdat {
    my ($self, $rest) = @_;
    my ($size, $last) = $rest =~ /\A(\d+)( LAST)?\z/i or return $self->say('501 5.5.4 BDAT size');
    my $nobody = not($self->{rcpts} and @{ $self->{rcpts} });
    return $self->say('502 5.5.1 nobody') if $nobody and $self->has('e');
    $self->{data} .= $self->bytes($size);
    return $self->say('503 5.5.1 nobody') if $nobody;
    if ($self->chance('r', 8)) {
        @$self{qw(rcpts data)} = (undef, '');
        return $self->say('451 4.3.0 no chunk');
    }
    return $self->say('250 2.0.0 chunk') if not $last;
    (my $content = $self->{data}) =~ s/\r\n/\n/g;
    return $self->finals($content);
}

# What was told is noted before it is said: a reply may be lost, or not be heard.
sub finals {
    my ($self, $content) = @_;
    my @rcpts = @{ $self->{rcpts} };
    $self->{rcpts} = undef;
    $self->{data} = '';
    my @codes = map { $self->chance('r', 4) ? 552 : 250 } @rcpts;
    push @{ $self->{told} }, [ $rcpts[$_], $codes[$_], $content ] for 0 .. $#rcpts;
    # A stray reply among the finals can't be told from one of them: behind the last only.
    my @text = map { $_ == 250 ? '250 2.0.0 saved' : '552 5.2.2 full' } @codes;
    my $last = pop @text;
    $self->put("$_\r\n") for @text;
    return $self->say($last);
}

1;
