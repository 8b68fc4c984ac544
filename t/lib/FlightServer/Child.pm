package FlightServer::Child;

# FlightServer's side in the child: the session as it should be, and the lies.

use strict;
use warnings;

use Errno qw(EINTR);
use Socket;

use LMTPPeer;
use ServerProcess qw(put_frame get_frame);

our @ISA = 'LMTPPeer';

use constant LIFE => 100;    # seconds that a session may take

sub serve {
    my ($listener, $control) = @_;
    while (my $how = get_frame($control)) {
        alarm LIFE;
        accept my $peer, $listener or die "accept: $!";
        setsockopt $peer, Socket::IPPROTO_TCP(), Socket::TCP_NODELAY(), pack 'i', 1;
        IO::Socket::SSL->start_SSL($peer, SSL_server => 1, %{ TLSTest::tls_of('good') }) or die "TLS: $IO::Socket::SSL::SSL_ERROR" if $how->{secure};
        my $self = __PACKAGE__->new(lies => {}, %$how, peer => $peer, control => $control, out => '', read => 0, wrote => 0);
        eval { $self->session; 1 } or $@ eq "gone\n" or push @{ $self->{truth}{problems} }, "server: $@";
        $self->drain;
        alarm 0;
        $self->{truth}{size} = { output => $self->{wrote}, input => $self->{read} };
        put_frame($control, $self->{truth}) or return;
    }
    return;
}

# Reads on until the client has gone.
sub drain {
    my ($self) = @_;
    my $peer = delete $self->{peer} or return;
    while (1) {
        my $got = sysread $peer, my $bytes, 65536;
        next if !defined $got && $! == EINTR;
        $self->{truth}{cut} = 1 if !defined $got;
        last if !$got;
    }
    close $peer;
    return;
}

sub finish {
    my ($self, $ending) = @_;
    my $peer = $self->{peer};
    $self->{truth}{cut} = 1;
    if ($ending eq 'reset') {
        setsockopt $peer, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
        $peer->close(SSL_no_shutdown => 1) if $self->{secure};
    }
    if    ($ending eq 'finish') { shutdown $peer, 1 }
    elsif ($ending ne 'hang')   { close delete $self->{peer} }
    die "gone\n";
}

# --- bytes

sub more {
    my ($self) = @_;
    $self->flush;
    my $most = 65536;
    if (defined $self->{input}) {
        $most = $self->{input} - $self->{read};
        $self->finish($self->{ending}) if $most <= 0;
        $most = 65536 if $most > 65536;
    }
    my $got = sysread $self->{peer}, $self->{in}, $most, length $self->{in};
    return if !defined $got && $! == EINTR;
    $self->{truth}{cut} = 1 if !defined $got;
    die "gone\n" if !$got;
    $self->{read} += $got;
    return;
}

# What is said is written when the server would read, or ends: what belongs together comes in one piece.
sub put {
    my ($self, $bytes) = @_;
    $self->{out} .= $bytes;
    return;
}

sub flush {
    my ($self) = @_;
    my $bytes = $self->{out};
    $self->{out} = '';
    my $size = $self->{split} ? 1 : length $bytes;
    my $cut = 0;
    if (defined $self->{output} && $self->{wrote} + length $bytes > $self->{output}) {
        substr($bytes, $self->{output} - $self->{wrote}) = '';
        $cut = 1;
    }
    while (length $bytes) {
        my $put = syswrite $self->{peer}, $bytes, $size;
        next if !defined $put && $! == EINTR;
        $self->{truth}{cut} = 1 if !$put;
        die "gone\n" if !$put;
        substr $bytes, 0, $put, '';
        $self->{wrote} += $put;
    }
    $self->finish($self->{ending}) if $cut;
    return;
}

# --- replies

# Says a reply about a point, as the lies have it. Returns the code that counts.
sub say {
    my ($self, $point, $reply) = @_;
    my $lie = $self->{lies}{$point} || {};
    if ($lie->{wait}) {
        $self->flush;
        select undef, undef, undef, $lie->{wait};
    }
    if (defined $lie->{hold}) {
        $self->flush;
        put_frame($self->{control}, { mark => $lie->{hold} });
        get_frame($self->{control});
    }
    $self->put(join '', map {"$_\r\n"} @{ $lie->{before} }) if $lie->{before};
    my $given = $lie->{gives};
    my ($counts) = $reply =~ /\A([0-9]+)/;
    if ($lie->{instead}) {
        my @lines = @{ $lie->{instead} };
        $self->put(join '', map {"$_\r\n"} @lines) if @lines;
        $counts = $1 if @lines and $lines[-1] =~ /\A([45][0-9][0-9])/;
    }
    else {
        $self->put("$reply\r\n") if length $reply;
        $given = $counts;
    }
    $self->{truth}{given}{$point} = $given;
    $self->put(join '', map {"$_\r\n"} @{ $lie->{after} }) if $lie->{after};
    $self->put($lie->{part}) if defined $lie->{part};
    if (defined $lie->{mark}) {
        $self->flush;
        put_frame($self->{control}, { mark => $lie->{mark} });
    }
    if ($lie->{then}) {
        $self->flush;
        $self->finish($lie->{then});
    }
    return $counts;
}

# --- the session

sub greeting {
    my ($self) = @_;
    $self->{greeting} ||= '220 server.example LMTP ready';
    return $self->say(greeting => $self->{greeting});
}

sub do_lhlo {
    my ($self) = @_;
    $self->{keywords} = $self->{later} if $self->{truth}{before} and $self->{later};
    $self->{truth}{before} ||= { output => length("$self->{greeting}\r\n" . $self->lhlo_reply . "\r\n"), input => $self->{read} };
    return $self->SUPER::do_lhlo;
}

sub do_quit {
    my ($self) = @_;
    $self->SUPER::do_quit;
    $self->flush;
    return $self->finish('close');
}

sub do_other {
    my ($self) = @_;
    return $self->say($self->counted('other'), '250 ok');
}

sub content_begins {
    my ($self, $name) = @_;
    return if !$self->{lies}{"body $name"} and !$self->{slow};
    $self->more if !length $self->{in};
    select undef, undef, undef, $self->{slow} if $self->{slow};
    $self->say("body $name", '');
    return;
}

1;
