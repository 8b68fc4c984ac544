package Mail::Wire::Import::Sources;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use File::Spec ();
use Mail::Wire::Mailbox ();

# The messages of several mailboxes, one after the other, and how much of them was read.

# paths: `-` is standard input; format: that of Mail::Wire::Mailbox, or undef.
sub new {
    my ($class, %in) = @_;
    my @paths = map { $_ eq '-' ? $_ : File::Spec->rel2abs($_) } @{ $in{paths} };
    return bless { paths => \@paths, format => $in{format}, gone => 0, file => '', end => 0, skipped => [] }, $class;
}

# Croaks as Mail::Wire::Mailbox does, and goes on when it is called again.
sub next {
    my ($self) = @_;
    while (1) {
        if (my $mailbox = $self->{mailbox}) {
            my $message = $mailbox->next;
            return $message if $message;
            push @{ $self->{skipped} }, $mailbox->skipped;
            undef $self->{mailbox};
        }
        my $path = shift @{ $self->{paths} };
        return if not defined $path;
        my @format = defined $self->{format} ? (Format => $self->{format}) : ();
        $self->{mailbox} = Mail::Wire::Mailbox->new($path eq '-' ? \*STDIN : $path, @format);
    }
}

# The names of files that are no mail.
sub skipped { return @{ $_[0]{skipped} } }

# How many bytes were read when this message was.
sub read_with {
    my ($self, $message) = @_;
    if ($self->{file} ne $message->path) {
        $self->{gone} += $self->{end};
        $self->{file} = $message->path;
    }
    $self->{end} = $message->offset + $message->length;
    return $self->{gone} + $self->{end};
}

# How many bytes there are; undef when that cannot be told: what is packed has another size, what comes from standard input any.
sub total {
    my ($self) = @_;
    my $total = 0;
    foreach my $path (@{ $self->{paths} }) {
        my $size = $path eq '-' ? undef : -d $path ? _size_of_folder($path) : $path =~ /\.(?:gz|tgz|bz2|xz|zst|zip)\z/i ? undef : -s $path;
        return if not defined $size;
        $total += $size;
    }
    return $total;
}

sub _size_of_folder {
    my ($path) = @_;
    require File::Find;
    my $total = 0;
    my $is_packed = 0;
    File::Find::find({ no_chdir => 1, wanted => sub {
        $is_packed ||= /\.(?:gz|tgz|bz2|xz|zst|zip)\z/i;
        $total += -s _ || 0 if lstat $_ and -f _;
    } }, $path);
    return $is_packed ? undef : $total;
}

1;
