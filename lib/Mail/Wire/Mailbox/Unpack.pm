package Mail::Wire::Mailbox::Unpack;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Mail::Wire::Mailbox::Input ();
use POSIX ();

our @CARP_NOT = ('Mail::Wire::Mailbox');

# What is in a packed input. One that is cut or damaged croaks before its end is reached: what only a checksum at the end of all shows,
# after what is damaged was given.

# How much is unpacked at once.
use constant BLOCK => 1 << 17;

use constant MAGIC_MAX => 6;

# By the first bytes. `make` gives an object whose method `run` takes packed bytes out of its first argument, and puts what is in them into
# its second; it says `end` at a stream's end, and one of `fine` before.
my @kinds = (
    {
        magic => qr/\A\x1f\x8b/, suffix => qr/\.gz\z|(?<=\.t)gz\z/i, module => 'Compress::Raw::Zlib', package => 'perl',
        make  => sub { Compress::Raw::Zlib::Inflate->new(-WindowBits => Compress::Raw::Zlib::WANT_GZIP(), -LimitOutput => 1, -Bufsize => BLOCK) },
        run   => 'inflate', end => 1, fine => [ 0, -5 ],
    },
    {
        magic => qr/\ABZh[1-9]/, suffix => qr/\.bz2\z/i, module => 'Compress::Raw::Bzip2', package => 'perl',
        make  => sub { Compress::Raw::Bunzip2->new(0, 1, 0, 0, 1) },
        run   => 'bzinflate', end => 4, fine => [0],
    },
    {
        magic => qr/\A\xfd7zXZ\0/, suffix => qr/\.xz\z/i, module => 'Compress::Raw::Lzma', package => 'libcompress-raw-lzma-perl',
        make  => sub { Compress::Raw::Lzma::StreamDecoder->new(LimitOutput => 1, Bufsize => BLOCK) },
        run   => 'code', end => 1, fine => [ 0, 10 ],
    },
    { magic => qr/\A\x28\xb5\x2f\xfd/, suffix => qr/\.zst\z/i },
);

# The input itself, or what is packed in it, however often, and a name without the packers' suffixes.
sub unpacked {
    my ($input, $name) = @_;
    while (my ($kind) = grep { $input->peek(MAGIC_MAX) =~ $_->{magic} } @kinds) {
        $input = $kind->{make} ? _inflated($input, $kind) : _piped($input);
        $name =~ s/$kind->{suffix}//;
    }
    return ($input, $name);
}

# ---------------------------------------------------------------- by a module

sub _inflated {
    my ($input, $kind) = @_;
    (my $file = "$kind->{module}.pm") =~ s{::}{/}g;
    local $@;
    eval { require $file } or $input->fail("it is packed, which needs $kind->{module} (Debian: $kind->{package})");
    my $self = bless { input => $input, kind => $kind, packed => '' }, __PACKAGE__;
    return Mail::Wire::Mailbox::Input->of_code($input->name, sub {
        my $text;
        until (length($text = $self->_run)) { $self->_feed or last }
        return $text;
    });
}

# Some of what is in the packed bytes; '': they are used up.
sub _run {
    my ($self) = @_;
    my $unpacker = $self->{unpacker} or return '';
    my ($kind, $run) = ($self->{kind}, $self->{kind}{run});
    my $status = $unpacker->$run($self->{packed}, my $text);
    if ($status == $kind->{end}) { undef $self->{unpacker} }
    elsif (not grep { $status == $_ } @{ $kind->{fine} }) { $self->{input}->fail("the packed data is damaged: $status") }
    return $text;
}

# More packed bytes. False at the end. Behind a stream there may be another one, and what a tape was filled up with.
sub _feed {
    my ($self) = @_;
    if ($self->{unpacker}) {
        my $more = $self->{input}->read;
        length $more or $self->{input}->fail('the packed data ends too early: it is cut');
        $self->{packed} .= $more;
        return 1;
    }
    until ($self->{packed} =~ s/\A\0*(?=[^\0])//) {
        $self->{packed} = $self->{input}->read;
        return 0 if not length $self->{packed};
    }
    $self->{unpacker} = $self->{kind}{make}->();
    return 1;
}

# ---------------------------------------------------------------- by a program

# zstd has no module that can be counted on: the program unpacks.
sub _piped {
    my ($input) = @_;
    my $file = $input->settled->file;
    defined(my $pid = open my $pipe, '-|') or $input->fail("cannot start zstd: $!");
    _be_zstd($file) if not $pid;
    binmode $pipe;
    return Mail::Wire::Mailbox::Input->of_code($input->name, sub {
        return '' if not $pipe;
        my $got = read $pipe, my $text, BLOCK;
        $input->fail("cannot read from zstd: $!") if not defined $got;
        return $text if $got;
        my $is_fine = close $pipe;
        undef $pipe;
        return '' if $is_fine;
        $input->fail($? == 127 << 8 ? 'it is packed, which needs the program zstd (Debian: zstd)'
            : $? > 0 ? 'zstd says that the packed data is damaged or cut' : "it cannot be known how zstd ended: $!");
    });
}

# The child, which leaves the parent's objects alone whatever happens.
sub _be_zstd {
    my ($file) = @_;
    no warnings 'exec';
    sysseek $file, 0, 0;
    eval { POSIX::dup2(fileno $file, 0) and exec {'zstd'} qw(zstd -dcqq) };
    POSIX::_exit(127);
}

1;
